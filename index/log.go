package index

import "encoding/json"

// A Log is how far the publication log is.
type Log struct {
	Origin     string       `json:"origin" doc:"The name of the log: the first line of its checkpoints." example:"plugins.example.org/log/k3v9q2m7xw"`
	Key        string       `json:"key" doc:"What verifies its checkpoints: the verifier key of a signed note (C2SP signed-note)."`
	Size       int64        `json:"size" doc:"Leaves that the last checkpoint signs."`
	Root       string       `json:"root" doc:"Hash of the tree, in base64."`
	Checkpoint string       `json:"checkpoint,omitempty" doc:"The last checkpoint, as GET /log/checkpoint gives it."`
	Witnesses  []LogWitness `json:"witnesses,omitempty" doc:"Who is asked to cosign its checkpoints."`
	Problem    string       `json:"problem,omitempty" doc:"Why nothing is published: the database has less, or other things, than what was shown before."`
}

// A LogWitness cosigns the checkpoints of the log (C2SP tlog-witness), where they
// extend what it saw before.
type LogWitness struct {
	Key     string `json:"key" doc:"What verifies its cosignatures, NAME+HASH+KEY (C2SP tlog-cosignature)."`
	Size    int64  `json:"size" doc:"Leaves of the last checkpoint that it cosigned since the server was started."`
	Problem string `json:"problem,omitempty" doc:"Why it did not cosign the last one that it was asked for."`
}

// A LogLeaf is an event of the publication log, with what shows that the log
// has it.
type LogLeaf struct {
	Number int64           `json:"number"`
	Event  json.RawMessage `json:"event" doc:"The event in its canonical form."`
	Salt   []byte          `json:"salt" doc:"In base64. The entry of the log is SHA-256 of \"oarlock log entry 1\\n\", the salt and the event."`
}

// A LogPage is a part of the publication log.
type LogPage struct {
	Items []LogLeaf `json:"items"`
	Next  int64     `json:"next,omitempty" doc:"from= of the page after it; absent on the last."`
}

// A LogRecovery asks for the publication log to be recovered from the registry.
type LogRecovery struct {
	Checkpoint string `json:"checkpoint,omitempty" maxLength:"65536" doc:"The last signed checkpoint that anybody has; with fewer leaves than that nothing is recovered."`
}

// A LogRecovered is a publication log that was recovered.
type LogRecovered struct {
	Size int64 `json:"size" doc:"Leaves that there are now."`
	Had  int64 `json:"had" doc:"How many of them the database had."`
	// Intact says that nothing was lost.
	Intact bool `json:"intact,omitempty" doc:"Nothing was lost, and nothing was done: every row is what was signed."`
}
