package index

// The lines of answers that are streams of JSON objects, as a server writes them.
// The last line of each says that it was done, or why not; without one the work
// did not end. CheckLine, CollectionLine and PolicyTrialLine read any of a stream.
type (
	// CheckDone ends a check or a repair of what is stored.
	CheckDone struct {
		Damaged int  `json:"damaged"`
		Done    bool `json:"done"`
	}
	// ScrubProgress says how far a scrub is.
	ScrubProgress struct {
		Progress Scrub `json:"progress"`
	}
	// ScrubDone ends a scrub.
	ScrubDone struct {
		Done  bool  `json:"done"`
		Scrub Scrub `json:"scrub"`
	}
	// CollectionDone ends a collection.
	CollectionDone struct {
		Done   bool       `json:"done"`
		Report Collection `json:"report"`
	}
	// PolicyTrialChange is what a policy on trial would change.
	PolicyTrialChange struct {
		Change PolicyChange `json:"change"`
	}
	// PolicyTrialProgress says how far a trial is.
	PolicyTrialProgress struct {
		Progress PolicyTrial `json:"progress"`
	}
	// PolicyTrialDone ends a trial.
	PolicyTrialDone struct {
		Done   bool        `json:"done"`
		Report PolicyTrial `json:"report"`
	}
	// AuditExportDone ends an export of the audit log, whose other lines are its rows.
	AuditExportDone struct {
		Done   bool          `json:"done"`
		Export AuditExported `json:"export"`
	}
	// StreamFailed ends a stream whose work failed on the way.
	StreamFailed struct {
		Error *Problem `json:"error"`
	}
)
