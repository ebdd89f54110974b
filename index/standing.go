package index

// A Standing is what the lifecycle says to an install of a version.
type Standing string

// The standings, from the one that allows most.
const (
	StandingOK            Standing = "ok"
	StandingWarn          Standing = "warn"           // it goes on, and there is something to know
	StandingUpdateBlocked Standing = "update_blocked" // it goes on, and takes no other version
	StandingStop          Standing = "stop"           // it must not run
)
