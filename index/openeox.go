package index

// OpenEoXCore is the schema that EndOfLife is valid against: OpenEoX Core 1.0 of OASIS.
const OpenEoXCore = "https://docs.oasis-open.org/openeox/v1.0/schema/core.json"

// ToBeAnnounced stands for a time that nobody said yet.
const ToBeAnnounced = "tba"

// An EndOfLife says until when something is looked after, as OpenEoX Core 1.0 writes
// it. Times are of RFC 3339, or ToBeAnnounced.
type EndOfLife struct {
	Schema      string `json:"$schema"`
	EndOfLife   string `json:"end_of_life" doc:"When it is no longer looked after; tba: nobody said so." example:"2027-06-30T00:00:00Z"`
	EndOfSales  string `json:"end_of_sales,omitempty" doc:"From when on nobody new gets it: since it is suspended or removed."`
	EndOfFixes  string `json:"end_of_security_support" doc:"As end_of_life: plugins state one time for both."`
	LastUpdated string `json:"last_updated" doc:"When something was stated about the plugin last."`
}

// A PluginEnd is the EndOfLife of one plugin among others.
type PluginEnd struct {
	ID        string `json:"id" example:"acme/hello"`
	Publisher string `json:"publisher"`
	// Core is absent where Problem says why it could not be told.
	Core    *EndOfLife `json:"core,omitempty"`
	Problem string     `json:"problem,omitempty" doc:"Why it could not be told; the others can."`
}

// An EndOfLifePage is a part of the plugins about which something was stated, by id.
type EndOfLifePage struct {
	Items []PluginEnd `json:"items"`
	Next  string      `json:"next,omitempty" doc:"after= of the next page; absent on the last."`
}
