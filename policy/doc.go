// Package policy judges. It holds the vocabulary that every judge speaks and
// the readers of judgements hear: an outcome is one of three, a finding says
// what was found out about one digest, a verdict combines findings, and a
// trace tells how it came about.
//
//	Unknown   could not tell; the zero value, and it denies
//	Deny      we know that it does not hold
//	Allow     we know that it holds
//
// An error from a judge means that the caller is broken or went away; what the
// judged bytes do is always a finding. The rooms below hold one judge each:
// policy/trust reads whom a site trusts, policy/signature judges who signed.
package policy
