package audit

import "github.com/oarlock/oarlock/index/auth"

// The names of acts that take a right which says something else, often the
// opposite: who may verify a publisher may take that back. Their Act names the
// right in Needs.
const (
	ChannelRemove     auth.Action = "channel:remove"
	PublisherUnverify auth.Action = "publisher:unverify"
	BlockLift         auth.Action = "block:lift"
	CatalogRotateRoot auth.Action = "catalog:rotate-root"
	RegistryScrub     auth.Action = "registry:scrub"
)
