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

// An AuditFilter narrows down the log; zero fields do not.
type AuditFilter struct {
	Namespace string    `query:"namespace" doc:"What was done to it and in it. Owners may ask it; all else takes an admin or operator." example:"acme"`
	Actor     string    `query:"actor" doc:"Who did it." example:"person:ada"`
	Action    string    `query:"action" doc:"What was done." example:"plugin:publish"`
	Resource  string    `query:"resource" doc:"To what exactly." example:"repository acme/hello"`
	Outcome   string    `query:"outcome" enum:"allowed,denied,failed,could not tell" doc:"How it ended: failed is that it was begun and came to nothing."`
	Since     time.Time `query:"since"`
	Until     time.Time `query:"until" doc:"Not included."`
}

// An AuditQuery asks for a page of the log.
type AuditQuery struct {
	AuditFilter

	Before int64 `query:"before" minimum:"0" doc:"next of the page before."`
	Limit  int64 `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// An AuditExportQuery asks for the log from the oldest row on.
type AuditExportQuery struct {
	AuditFilter

	After int64 `query:"after" minimum:"0" doc:"Rows with a larger seq only: through of the export before, or that of the last row that came."`
}

// AuditExported says how far an export came.
type AuditExported struct {
	Rows    int64  `json:"rows"`
	Through int64  `json:"through" doc:"Every row up to this one that was asked for is there. Export again with after set to it for what came since."`
	Head    string `json:"head" doc:"The last row of the log as seq:hash when the export began, the row of the export itself included."`
}
