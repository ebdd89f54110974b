package index

import (
	"encoding/json"
	"time"
)

// An AuditRow is one act.
type AuditRow struct {
	Seq      int64           `json:"seq"`
	At       time.Time       `json:"at"`
	Actor    string          `json:"actor"`
	Session  string          `json:"session,omitempty" doc:"Id of the credential that spoke."`
	Action   string          `json:"action"`
	Resource string          `json:"resource"`
	Outcome  string          `json:"outcome"`
	Reason   string          `json:"reason,omitempty"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Request  string          `json:"request,omitempty"`
	Hash     string          `json:"hash"`
}

// AuditPage is a part of the log.
type AuditPage struct {
	Items []AuditRow `json:"items"`
	Next  int64      `json:"next,omitempty" doc:"Ask again with before set to this; absent on the last page."`
}

// An AuditVerdict says whether the log is what was written.
type AuditVerdict struct {
	Holds  bool   `json:"holds"`
	Head   string `json:"head" doc:"Last row as seq:hash. Kept elsewhere, it proves later that nothing before it was changed or cut off."`
	Detail string `json:"detail,omitempty" doc:"Where it does not hold."`
}

// An AuditQuery narrows down the log; zero fields do not.
type AuditQuery struct {
	Namespace string    `query:"namespace" doc:"What was done to this namespace itself. Its owners may ask it; all else takes an admin or operator." example:"acme"`
	Actor     string    `query:"actor" example:"person:ada"`
	Action    string    `query:"action" example:"plugin:publish"`
	Resource  string    `query:"resource" example:"repository acme/hello"`
	Since     time.Time `query:"since"`
	Until     time.Time `query:"until" doc:"Not included."`
	Before    int64     `query:"before" minimum:"0" doc:"next of the page before."`
	Limit     int64     `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}
