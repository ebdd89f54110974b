package ledger

import "slices"

// A Form is a kind of statement whose meaning this release knows. The list is
// open: a kind is added by a constant, a body and a row of forms, and by a rule
// in policy/ledger, which a test over all forms asks for.
type Form struct {
	Kind Kind
	// Plugin is true for what is said about a plugin, false for what is said
	// about a publisher.
	Plugin bool

	body func() any
}

// Body is a pointer to an empty body of the kind.
func (f Form) Body() any { return f.body() }

func about[T any](publisher Kind) Form {
	return Form{Kind: publisher, body: func() any { return new(T) }}
}

func ofPlugin[T any](kind Kind) Form {
	return Form{Kind: kind, Plugin: true, body: func() any { return new(T) }}
}

var forms = []Form{
	about[Claimed](PublisherClaimed),
	about[Configured](PublisherConfigured),
	about[Transferred](PublisherTransferred),
	about[Closed](PublisherClosed),
	about[Verified](PublisherVerified),
	about[Unverified](PublisherUnverified),
	about[Member](MemberSet),
	about[Removed](MemberRemoved),
	about[Key](KeyAdded),
	about[KeyEnd](KeyRevoked),
	ofPlugin[Deprecated](PluginDeprecated),
	ofPlugin[Back](PluginUndeprecated),
	ofPlugin[Suspended](PluginSuspended),
	ofPlugin[Back](PluginResumed),
	ofPlugin[PluginGone](PluginRemoved),
	ofPlugin[Back](PluginRestored),
	ofPlugin[Deleted](PluginDeleted),
	ofPlugin[Yanked](VersionYanked),
	ofPlugin[Unyanked](VersionUnyanked),
	ofPlugin[Emergency](EmergencyDeclared),
	ofPlugin[EmergencyEnd](EmergencyUndone),
}

// Forms are the kinds that this release knows.
func Forms() []Form { return slices.Clone(forms) }
