package auth

import "strings"

// devMaker stands before the name of who made a credential on a server that is
// for trying out. No principal has such a name.
const devMaker = "dev:"

// DevAdmin is who everybody is on a server that is for trying out.
func DevAdmin() Principal {
	return Principal{Kind: Admin, Name: "admin:dev", Grants: devGrants}
}

var devGrants = []Grant{{Role: RoleAdmin}}

// openDoor is whether anyone who comes is DevAdmin: a server for trying out.
type openDoor bool

// anybody is who somebody is who showed no credentials.
func (o openDoor) anybody() Principal {
	if o {
		return DevAdmin()
	}
	return Nobody()
}

// everything reports whether p may do everything here: DevAdmin may, on a server
// for trying out.
func (o openDoor) everything(p Principal) bool {
	return bool(o) && p.Kind == Admin && p.Name == DevAdmin().Name && p.Session == ""
}

// maker is who made a credential, as its record says it.
func (o openDoor) maker(by Principal) string {
	if o {
		return devMaker + by.Name
	}
	return by.Name
}

// lasts reports whether a credential is good on a server like this one. On one
// that is for trying out anybody on the machine can make any, so they end with
// it: a server that asks for logins never takes them.
func (o openDoor) lasts(t TokenRecord) bool {
	return bool(o) || !strings.HasPrefix(t.CreatedBy, devMaker) && t.CreatedBy != DevAdmin().Name
}
