package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// An EmergencyState is how far an emergency is.
type EmergencyState string

// The states of emergencies.
const (
	// EmergencyRequested is asked for by an owner, and keeps nothing from being pulled.
	EmergencyRequested EmergencyState = "requested"
	// EmergencyProposed keeps it from being pulled here, until it ends by itself.
	EmergencyProposed EmergencyState = "proposed"
	// EmergencyConfirmed is agreed on; its statement is on the way into the ledger.
	EmergencyConfirmed EmergencyState = "confirmed"
	// EmergencyInForce is in the plugin's ledger, and goes wherever that goes.
	EmergencyInForce EmergencyState = "in_force"
	// EmergencyUndone was in force, and what it stopped is as it was before.
	EmergencyUndone EmergencyState = "undone"
	// EmergencyWithdrawn was taken back before it was confirmed.
	EmergencyWithdrawn EmergencyState = "withdrawn"
	// EmergencyLapsed ended by itself, because nobody confirmed it in time.
	EmergencyLapsed EmergencyState = "lapsed"
)

// EmergencyStates are all of them, in the order in which they come.
func EmergencyStates() []EmergencyState {
	return []EmergencyState{EmergencyRequested, EmergencyProposed, EmergencyConfirmed, EmergencyInForce, EmergencyUndone, EmergencyWithdrawn, EmergencyLapsed}
}

// Holds reports whether what the emergency names cannot be pulled here.
func (s EmergencyState) Holds() bool {
	return s == EmergencyProposed || s == EmergencyConfirmed || s == EmergencyInForce
}

// Over reports whether nothing can change any more.
func (s EmergencyState) Over() bool {
	return s == EmergencyUndone || s == EmergencyWithdrawn || s == EmergencyLapsed
}

// An EmergencySource is who knows of an emergency.
type EmergencySource string

// The sources of emergencies.
const (
	// EmergencyOfSite is proposed or asked for here, and this site has a record of it.
	EmergencyOfSite EmergencySource = "site"
	// EmergencyOfLedger is in a ledger of this site, and of what people said for it this
	// site has no record (any more): its database was lost, or is older.
	EmergencyOfLedger EmergencySource = "ledger"
	// EmergencyOfMirror is in a ledger that came by a mirror. It is undone where that grows.
	EmergencyOfMirror EmergencySource = "mirror"
)

// EmergencySources are all of them.
func EmergencySources() []EmergencySource {
	return []EmergencySource{EmergencyOfSite, EmergencyOfLedger, EmergencyOfMirror}
}

// A NewEmergency asks for one. Of Version, Digest and All there is exactly one.
type NewEmergency struct {
	Plugin  string        `json:"plugin" example:"acme/hello"`
	Version string        `json:"version,omitempty" example:"1.2.0"`
	Digest  digest.Digest `json:"digest,omitempty" doc:"Of a version, or of one of its platforms."`
	All     bool          `json:"all_versions,omitempty" doc:"Every version that there is, and the plugin: what is pushed later waits."`
	Reason  string        `json:"reason,omitempty" doc:"As of a move of the plugin; needed."`
	Text    string        `json:"text,omitempty" maxLength:"4096" doc:"What people read."`
	Soft    bool          `json:"soft,omitempty" doc:"A tenant keeps it whose policy allows that."`
	Request bool          `json:"request,omitempty" doc:"Only ask the admins: nothing is kept from being pulled by it. Owners may."`
}

// An EmergencyStep is why an emergency is undone.
type EmergencyStep struct {
	Reason string `json:"reason,omitempty" doc:"As of an emergency; by_request where absent."`
	Text   string `json:"text,omitempty" maxLength:"4096"`
}

// A Word is one person's for an emergency, or for its end.
type Word struct {
	By string    `json:"by" doc:"An account."`
	At time.Time `json:"at"`
}

// An Emergency is one, however far it is.
type Emergency struct {
	ID     string          `json:"id"`
	State  EmergencyState  `json:"state"`
	Source EmergencySource `json:"source" enum:"site,ledger,mirror" doc:"ledger is known by a ledger of this site alone, mirror by one that grows elsewhere."`
	// Platform is whose ledger it is.
	Platform string          `json:"platform,omitempty" doc:"Of mirror: the platform whose ledger it is, as the trust policy names it, with the id of its key."`
	Plugin   string          `json:"plugin"`
	Version  string          `json:"version,omitempty"`
	All      bool            `json:"all_versions,omitempty"`
	Digests  []digest.Digest `json:"digests" doc:"All that it names: versions, with the manifests of their platforms."`
	Reason   string          `json:"reason"`
	Text     string          `json:"text,omitempty"`
	Soft     bool            `json:"soft,omitempty"`

	RequestedBy string     `json:"requested_by,omitempty"`
	ProposedBy  string     `json:"proposed_by,omitempty" doc:"Who made the proposal; its word counts where it is in words[]."`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When a request or a proposal ends by itself."`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`

	Approvers int    `json:"approvers" doc:"How many people's words it takes, to confirm and to undo."`
	Words     []Word `json:"words" doc:"Whose words count for it."`
	Undo      []Word `json:"undo" doc:"Whose words count for its end."`

	UndoReason string `json:"undo_reason,omitempty" doc:"Why it is to end, or ended."`
	UndoText   string `json:"undo_text,omitempty"`

	Statements []digest.Digest `json:"statements" doc:"In the plugin's ledger, that declare it."`
	SiteOnly   bool            `json:"site_only,omitempty" doc:"The plugin's ledger grows at another site, so that this is known here alone."`
	Settled    bool            `json:"settled" doc:"All that follows from the state is done; else it is being done, and what is kept from being pulled stays so."`
	Problem    string          `json:"problem,omitempty" doc:"What keeps it from being done."`

	MayConfirm []string `json:"may_confirm" doc:"Accounts that are admins, and whose word would count besides those that are there."`
	// SignedURLsUntil is when the last signed URL ends that was given out before.
	SignedURLsUntil *time.Time `json:"signed_urls_until,omitempty" doc:"Until when signed URLs of blobs work that were given out before it was held."`
}

// EmergencyList is a page of emergencies, the newest first.
type EmergencyList struct {
	Items []Emergency `json:"items"`
	Next  string      `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
	// Unread are plugins of which it could not be told whether there are more.
	Unread []UnreadLedger `json:"unread,omitempty" doc:"Ledgers that do not hold or could not be read: of those there may be more."`
}

// An UnreadLedger is one of which it could not be told what it says.
type UnreadLedger struct {
	Plugin  string `json:"plugin,omitempty" doc:"Absent is all of them: the server started just now."`
	Problem string `json:"problem"`
}

// An EmergencyQuery narrows down a list; zero fields do not.
type EmergencyQuery struct {
	Plugin string         `query:"plugin" example:"acme/hello"`
	State  EmergencyState `query:"state" enum:"requested,proposed,confirmed,in_force,undone,withdrawn,lapsed"`
	Cursor string         `query:"cursor"`
	Limit  int            `query:"limit" minimum:"1" maximum:"500" default:"100"`
}
