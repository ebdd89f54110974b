package index

// A Publication says how far a version is that is being published.
type Publication struct {
	ID      string            `json:"id" example:"acme/hello"`
	Version string            `json:"version" example:"1.2.0"`
	State   string            `json:"state" enum:"absent,partial,complete" doc:"Partial: the same push again finishes it. Complete: the tag is set and all that it reaches is here."`
	Digest  string            `json:"digest,omitempty" doc:"What the tag means, once it is set."`
	Parts   []PublicationPart `json:"parts" doc:"The manifests of the version that are here or that one of them names. What was never sent and nothing names is not known."`
}

// A PublicationPart is one manifest of a version.
type PublicationPart struct {
	Digest   string   `json:"digest"`
	Kind     string   `json:"kind" enum:"index,manifest"`
	Platform string   `json:"platform,omitempty" example:"linux/amd64"`
	Here     bool     `json:"here"`
	Missing  []string `json:"missing,omitempty" doc:"Config and layers that it names and the repository lacks."`
}
