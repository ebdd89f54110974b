// Package api is the catalog over HTTP: typed handlers under /api/v1, their
// OpenAPI description and its reference page, the events stream, health,
// metrics and the front page. Nothing it serves needs a resource from elsewhere.
//
// One catalog read passes
//
//	request → kept answer? → question (400) → generation (410) → ETag (304) → catalog → body
//
// An answer is kept by its URL for as long as its generation is the newest, so
// the same question costs one map lookup. Every error is a problem by RFC 9457;
// one that has no kind is "internal error" with the request's id, and the log
// has the chain.
package api
