package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A Type is the public name of a kind of event, as CloudEvents carry it.
type Type string

const (
	typePrefix = "dev.oarlock."
	typeSuffix = ".v1"
)

// The types. They are never renamed; a change that a reader could trip over is
// a new one that ends in .v2.
const (
	PluginPublished    Type = typePrefix + "plugin.published" + typeSuffix
	PublishApproved    Type = typePrefix + "plugin.publish.approved" + typeSuffix // reserved for reviews
	PluginDeprecated   Type = typePrefix + "plugin.deprecated" + typeSuffix
	PluginUndeprecated Type = typePrefix + "plugin.undeprecated" + typeSuffix
	PluginSuspended    Type = typePrefix + "plugin.suspended" + typeSuffix
	PluginResumed      Type = typePrefix + "plugin.resumed" + typeSuffix
	PluginRemoved      Type = typePrefix + "plugin.removed" + typeSuffix
	PluginRestored     Type = typePrefix + "plugin.restored" + typeSuffix
	VersionYanked      Type = typePrefix + "plugin.version.yanked" + typeSuffix
	VersionUnyanked    Type = typePrefix + "plugin.version.unyanked" + typeSuffix
	VersionBlocked     Type = typePrefix + "plugin.version.blocked" + typeSuffix
	VersionUnblocked   Type = typePrefix + "plugin.version.unblocked" + typeSuffix
	VersionQuarantined Type = typePrefix + "plugin.version.quarantined" + typeSuffix
	// VersionUnquarantined says that good bytes are there again.
	VersionUnquarantined Type = typePrefix + "plugin.version.unquarantined" + typeSuffix
	// EmergencyRequested and EmergencyProposed are for those who decide, and the owners.
	EmergencyRequested  Type = typePrefix + "plugin.emergency.requested" + typeSuffix
	EmergencyProposed   Type = typePrefix + "plugin.emergency.proposed" + typeSuffix
	EmergencyDeclared   Type = typePrefix + "plugin.emergency.declared" + typeSuffix
	EmergencyUndone     Type = typePrefix + "plugin.emergency.undone" + typeSuffix
	ChannelMoved        Type = typePrefix + "plugin.channel.moved" + typeSuffix
	OwnerChanged        Type = typePrefix + "publisher.owner.changed" + typeSuffix
	PublisherClosed     Type = typePrefix + "publisher.closed" + typeSuffix
	PublisherVerified   Type = typePrefix + "publisher.verified" + typeSuffix
	PublisherUnverified Type = typePrefix + "publisher.unverified" + typeSuffix
	KeyAdded            Type = typePrefix + "publisher.key.added" + typeSuffix
	KeyRevoked          Type = typePrefix + "publisher.key.revoked" + typeSuffix
	// WebhookTested is sent to one webhook, because its owner asked for it.
	WebhookTested Type = typePrefix + "webhook.tested" + typeSuffix
)

// Types are those that one may subscribe to.
func Types() []Type {
	return []Type{
		PluginPublished, PublishApproved, PluginDeprecated, PluginUndeprecated, PluginSuspended, PluginResumed, PluginRemoved, PluginRestored,
		VersionYanked, VersionUnyanked, VersionBlocked, VersionUnblocked, VersionQuarantined, VersionUnquarantined,
		EmergencyRequested, EmergencyProposed, EmergencyDeclared, EmergencyUndone, ChannelMoved,
		OwnerChanged, PublisherClosed, PublisherVerified, PublisherUnverified, KeyAdded, KeyRevoked,
	}
}

// Short is the type as people write it: "plugin.published".
func (t Type) Short() string {
	return strings.TrimSuffix(strings.TrimPrefix(string(t), typePrefix), typeSuffix)
}

// Urgent reports whether it is told at once whatever somebody prefers.
func (t Type) Urgent() bool {
	return t == EmergencyRequested || t == EmergencyProposed || t == EmergencyDeclared || t == EmergencyUndone || t == VersionBlocked
}

// Confidential reports whether it is for those alone who may declare emergencies of the
// plugin, and for its owners: a suspicion is nobody else's.
func (t Type) Confidential() bool { return t == EmergencyRequested || t == EmergencyProposed }

// A Pattern names types: "plugin.published", "plugin.version.*" or "*", for all.
type Pattern string

// ParsePattern reads a pattern; the full name of a type is one too. Errors wrap
// artifact.ErrInvalid and say which there are.
func ParsePattern(s string) (Pattern, error) {
	p := Pattern(Type(strings.TrimSpace(s)).Short())
	if slices.ContainsFunc(Types(), p.Matches) {
		return p, nil
	}
	var known []string
	for _, t := range Types() {
		known = append(known, t.Short())
	}
	return "", fmt.Errorf("event %.80q: expected \"*\", a group such as \"plugin.version.*\", or one of %s: %w", s, strings.Join(known, ", "), artifact.ErrInvalid)
}

// Matches reports whether p names t.
func (p Pattern) Matches(t Type) bool {
	group, isGroup := strings.CutSuffix(string(p), "*")
	if isGroup {
		return group == "" || strings.HasSuffix(group, ".") && strings.HasPrefix(t.Short(), group)
	}
	return string(p) == t.Short()
}
