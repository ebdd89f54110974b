package index

import "time"

// A Scrub says how far the check of all stored bytes is.
type Scrub struct {
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"Of the pass that runs, or ran last."`
	FinishedAt *time.Time `json:"finished_at,omitempty" doc:"Of the last whole pass."`
	Running    bool       `json:"running" doc:"A pass was begun and is not finished."`
	Blobs      int64      `json:"blobs"`
	Bytes      int64      `json:"bytes"`
	Damaged    int64      `json:"damaged"`
	Mended     int64      `json:"mended"`
}

// A ScrubStatus is a Scrub with what it found, and what is in quarantine now.
type ScrubStatus struct {
	Scrub
	Found       []Damage      `json:"found"`
	Quarantined []Quarantined `json:"quarantined"`
}

// A CheckLine is one line of the answer to a check of what is stored: a Damage, or
// Progress of a scrub, or the last one, which has Done, or Error.
type CheckLine struct {
	Damage
	Progress *Scrub   `json:"progress"`
	Done     bool     `json:"done"`
	Scrub    Scrub    `json:"scrub"`
	Error    *Problem `json:"error"`
}

// A Quarantined is a digest whose bytes were found damaged and moved away.
type Quarantined struct {
	Digest string    `json:"digest"`
	What   string    `json:"what"`
	Size   int64     `json:"size"`
	At     time.Time `json:"at"`
}

// A BlockRequest names what may not be pulled any more, and why.
type BlockRequest struct {
	Repository string `json:"repository,omitempty" doc:"Without it the digest is blocked in every repository." example:"acme/hello"`
	Reference  string `json:"reference,omitempty" doc:"Version, tag or digest; without it all of the repository." example:"1.2.0"`
	Code       string `json:"code,omitempty" doc:"For programs; blocked where none is given." example:"blocked"`
	Reason     string `json:"reason" minLength:"1" maxLength:"1000" doc:"Told to whoever wants to pull it; a code such as malware stands in the proposal as that."`
}

// A Block is what may not be pulled.
type Block struct {
	Repository string     `json:"repository,omitempty"`
	Digest     string     `json:"digest,omitempty"`
	Tag        string     `json:"tag,omitempty"`
	Code       string     `json:"code"`
	Reason     string     `json:"reason"`
	By         string     `json:"by,omitempty"`
	At         time.Time  `json:"at"`
	Until      *time.Time `json:"until,omitempty" doc:"When it ends by itself; absent where it does not."`
	Emergency  string     `json:"emergency,omitempty" doc:"The emergency that holds it, which another person confirms."`
	HeldBy     string     `json:"held_by" enum:"emergency,proposal,hand,undecided" doc:"hand is of what no emergency can name; undecided has no end."`
	Covers     int        `json:"covers" doc:"How many manifests and blobs go with it."`
}

// What holds a block.
const (
	HeldByEmergency = "emergency" // a confirmed one
	HeldByProposal  = "proposal"  // of an emergency
	HeldByHand      = "hand"      // what no emergency can name
	HeldByNobody    = "undecided" // it has no end, and nobody decided on it
)

// BlockList is the answer to a listing of blocks.
type BlockList struct {
	Items []Block `json:"items"`
}
