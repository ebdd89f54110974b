// Package auth says who asks and decides what they may do: principals and
// their roles, one table of permissions, robot tokens, the Docker token
// protocol, login of people through OpenID Connect, namespaces and their
// look-alikes, rate limits and quotas.
//
// A request meets the room in this order:
//
//	credential → Authenticator → Identity in the context
//	           → Authority.Check → Decide(Principal, Action, Resource)
//
// New makes four parts that answer for a site, each with the stores that it
// needs: the Authority (who asks, and what they may do), Namespaces (names,
// their owners and members), Tokens (credentials) and Accounts (people). The
// last three ask the first, and all write into one AuditLog.
//
// Decide is pure and is the only place that allows anything. What it is not
// told, it does not know, and not knowing denies. Facts about people, tokens
// and namespaces come from the small interfaces of store.go; a cache holds
// them for CacheTTL at most, so a revocation reaches every replica within it.
//
// The grammars:
//
//	scope    = class [ "(" plugin ")" ] ":" name ":" actions
//	class    = lower { lower | digit | "-" }
//	name     = component { "/" component } | "*"      ; at most 255 bytes
//	actions  = action { "," action }                  ; "*" is every action of the class
//	scopes   = scope { " " scope }
//	token    = "oar_" id "_" secret check             ; id 11, secret 43, check 6 of 0-9A-Za-z
//
// In the scope of a robot token, a name that ends in "/*" covers every
// repository below it; in a request of the token protocol it does not.
//
// Source: distribution, "Token Scope Documentation" and "Token Authentication
// Specification"; RFC 6749, 6750, 7636, 8252, 8628; OpenID Connect Core 1.0.
package auth
