package auth

import "maps"

// vouched are claims that a second one speaks for. They mean something only
// within one document: an address of one and the "verified" of another would
// make a verified address that nobody verified.
var vouched = map[string]string{"email": "email_verified", "phone_number": "phone_number_verified"}

// mergeClaims is what an ID token and userinfo say together. The signed token
// wins, and a claim comes with what vouches for it from the same document.
func mergeClaims(token, userinfo map[string]any) map[string]any {
	all := maps.Clone(userinfo)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, token)
	for claim, verified := range vouched {
		from := userinfo
		if _, ok := token[claim]; ok {
			from = token
		}
		delete(all, verified)
		if v, ok := from[verified]; ok {
			all[verified] = v
		}
	}
	return all
}
