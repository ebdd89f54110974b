package index

import "time"

// ReasonHeld is a plugin that a tenant keeps as it is for a time.
const ReasonHeld = "held"

// A Hold keeps a tenant at the version of a plugin that it was given, until a time.
type Hold struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by" example:"person:ada"`
}

// A NewHold is one that is set.
type NewHold struct {
	Until  time.Time `json:"until" doc:"When it ends by itself: in the future, at most 366 days."`
	Reason string    `json:"reason,omitempty" maxLength:"500" doc:"Why, for people." example:"quarter end"`
}

// TenantHeld are the enabled plugins of a tenant whose hold changed.
type TenantHeld struct {
	Plugins []string `json:"plugins" doc:"Those that were changed; what was so already is not."`
	Hold    *Hold    `json:"hold,omitempty" doc:"The one that they have now; absent is none."`
}
