package index

// RequestIDHeader carries the id of a request, in and out.
const RequestIDHeader = "X-Request-Id"
