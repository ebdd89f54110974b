// Package errcode has the words of a refusal of /v2/: the error codes of OCI
// distribution-spec 1.1, the entries of its error body, and a Refusal, which is
// both an answer and an error of one of the kinds of package artifact.
package errcode
