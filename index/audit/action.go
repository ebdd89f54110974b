package audit

import "github.com/oarlock/oarlock/index/auth"

// The names of acts that take a right which says something else, often the
// opposite: who may verify a publisher may take that back. Their Act names the
// right in Needs.
const (
	ChannelRemove     auth.Action = "channel:remove"
	PublisherUnverify auth.Action = "publisher:unverify"
	BlockLapse        auth.Action = "block:lapse" // its time was over
	BlockLift         auth.Action = "block:lift"
	EmergencyRequest  auth.Action = "emergency:request"
	EmergencyConfirm  auth.Action = "emergency:confirm"
	EmergencyUndo     auth.Action = "emergency:undo"
	CatalogRotateRoot auth.Action = "catalog:rotate-root"
	LogRecover        auth.Action = "log:recover"
	RegistryScrub     auth.Action = "registry:scrub"
	AuditExport       auth.Action = "audit:export"
)

// What the server does by itself, where the accounts and a ledger say different
// things of a namespace, or a time is over: no right is asked for.
const (
	NamespaceRebuild auth.Action = "namespace:rebuild" // the rows are what the ledger says
	NamespaceRestate auth.Action = "namespace:restate" // the ledger is told what the rows say
	StatementRefuse  auth.Action = "statement:refuse"  // the ledger does not allow a change
	EmergencyLapse   auth.Action = "emergency:lapse"   // nobody confirmed it in time
)
