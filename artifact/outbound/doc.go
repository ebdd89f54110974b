// Package outbound makes HTTP clients for addresses that others chose: a
// registry that is mirrored, a provider's keys, a webhook. Whoever chooses an
// address could name a neighbour of this machine that trusts it, never answer,
// or answer for ever.
//
// A guarded client
//
//   - dials public addresses only: each is looked at after DNS, just before it
//     is connected to, so that no name and no second look-up leads elsewhere.
//     Hosts and networks that the operator named are let through;
//   - follows no redirect unless it is told how many, and none from https to
//     http; each hop is looked at again;
//   - takes no proxy from the environment;
//   - bounds headers, the time until an answer begins, how slowly it may come
//     and how long it may be.
//
// http.DefaultClient, and a client or transport made by hand, is for nobody
// else: the linter (forbidigo) and scripts/arrows refuse both.
package outbound
