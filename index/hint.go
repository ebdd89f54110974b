package index

// What a Hint changes.
const (
	HintRange      = "range"      // From and To are ranges of a wanted plugin
	HintHost       = "host"       // To is another version of the host
	HintPlatform   = "platform"   // To is another platform
	HintChannel    = "channel"    // To is another channel, or none
	HintPrerelease = "prerelease" // prereleases are taken
	HintMissing    = "missing"    // To is a version of Plugin that is not here
)

// A Hint is a change of a request that cannot be satisfied. All hints of an
// answer, followed together, make it one that resolves.
type Hint struct {
	Plugin string `json:"plugin" doc:"The plugin that blocks as long as nothing changes."`
	Change string `json:"change" enum:"range,host,platform,channel,prerelease,missing" doc:"What to change: the range that is asked of the plugin, the version of the host, the platform, the channel, whether prereleases are taken; or a version of the plugin is missing here."`
	From   string `json:"from" doc:"What was asked; empty where nothing was."`
	To     string `json:"to" doc:"What to ask instead; empty is nothing in particular. Of missing, a version that would do."`
	Detail string `json:"detail" doc:"The change as a sentence."`
}
