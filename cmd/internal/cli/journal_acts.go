package cli

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// statementsOf are the statements that moves of plugins and versions make.
var statementsOf = map[string]format.Kind{
	index.MoveDeprecate: format.PluginDeprecated, index.MoveUndeprecate: format.PluginUndeprecated,
	index.MoveSuspend: format.PluginSuspended, index.MoveResume: format.PluginResumed,
	index.MoveRemove: format.PluginRemoved, index.MoveRestore: format.PluginRestored, index.MoveDelete: format.PluginDeleted,
	index.MoveYank: format.VersionYanked, index.MoveUnyank: format.VersionUnyanked,
}

// actOf is what a call that changed something had the server do, where the
// publication log tells of that; false where it does not.
func actOf(method, path string, body, answer any) (act, bool) {
	if method == http.MethodGet {
		return act{}, false
	}
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	last := parts[len(parts)-1]
	switch r := answer.(type) {
	case channelResult:
		return act{Verb: "channel set", Plugin: r.ID, Channel: r.Channel, Statement: publog.ChannelSet, Version: r.Version, Digest: r.Digest}, true
	case removedResult:
		return act{Verb: "channel remove", Plugin: r.ID, Channel: r.Channel, Statement: publog.ChannelRemoved, Digest: r.Before}, true
	case lifecycleResult:
		return moved(method, last, body, r.ID)
	case emergencyResult:
		kind := map[string]format.Kind{"confirm": format.EmergencyDeclared, "undo": format.EmergencyUndone}[last]
		return act{Verb: "emergency-remove " + last, Ledger: r.Plugin + ":" + artifact.StateTag, Statement: string(kind)}, kind != ""
	case publisherResult:
		return ofPublisher(r.Name, recordKinds[method+" "+last])
	case namespaceResult:
		if method == http.MethodPatch {
			return ofPublisher(r.Name, format.PublisherConfigured)
		}
		return ofPublisher(r.Name, namespaceKinds[method+" "+last])
	case membership:
		return ofPublisher(r.Namespace, format.MemberSet)
	case struct{}:
		if len(parts) < 3 || parts[0] != "namespaces" {
			return act{}, false
		}
		return ofPublisher(parts[1], namespaceKinds[method+" "+parts[2]])
	}
	return act{}, false
}

// The statements that calls about publishers make, by method and by what the path
// ends with.
var (
	recordKinds = map[string]format.Kind{
		"POST keys": format.KeyAdded, "POST revoke": format.KeyRevoked,
		"POST verification": format.PublisherVerified, "DELETE verification": format.PublisherUnverified,
	}
	namespaceKinds = map[string]format.Kind{
		"POST namespaces": format.PublisherClaimed, "POST close": format.PublisherClosed, "POST transfer": format.PublisherTransferred,
		"PUT members": format.MemberSet, "DELETE members": format.MemberRemoved,
	}
)

func ofPublisher(name string, kind format.Kind) (act, bool) {
	return act{Verb: string(kind), Ledger: format.PublishersRepository + ":" + name, Statement: string(kind)}, kind != ""
}

func moved(method, last string, body any, id string) (act, bool) {
	move := last
	if m, is := body.(index.NewMove); is {
		move = m.Move
	}
	if method == http.MethodDelete {
		move = index.MoveDelete
	}
	kind := statementsOf[move]
	return act{Verb: move, Ledger: id + ":" + artifact.StateTag, Statement: string(kind)}, kind != ""
}

// pushed writes down a push, a signature or an attestation of a reference by
// digest, and the tag that a push set: the version may be listed by it, now or later.
func (c *console) pushed(ctx context.Context, verb, reference, tag string) {
	name, d, _ := strings.Cut(reference, "@")
	server, repo, _ := strings.Cut(name, "/")
	if _, err := artifact.ParseName(repo); err != nil {
		return
	}
	did := act{At: time.Now().UTC(), Server: server, Verb: verb, Plugin: repo, Digest: d}
	acts := []act{did}
	if t, err := artifact.ParseTag(tag); err == nil && t.Kind() == artifact.TagVersion {
		acts[0].Version = t.Version().String()
	} else if _, err := artifact.ParseChannel(tag); err == nil {
		did.Channel, did.Statement = tag, publog.ChannelSet
		acts = append(acts, did)
	}
	c.journal(ctx, acts...)
}
