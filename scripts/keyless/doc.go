// Package keyless signs without keys, against real authorities on loopback: a
// certificate authority (fulcio), a transparency log (rekor), a timestamp
// authority and OpenID providers, each in its own process, with the stock
// cosign 2 and 3. It shows that a real oarlock lists what the trusted identity
// signed, refuses all else with its reason, and needs none of the authorities
// to tell. Its tests carry the build tag keyless and run by `make keyless`.
package keyless
