package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// Channels move and remove the channels of plugins.
type Channels interface {
	// Promote points a channel of a plugin at one of its versions.
	Promote(ctx context.Context, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error)
	// RemoveChannel takes a channel away. Errors wrap artifact.ErrNotFound where
	// there is none of that name.
	RemoveChannel(ctx context.Context, id artifact.Name, channel string) (index.RemovedChannel, error)
}

// ChannelParam names a channel of a plugin in a path.
type ChannelParam struct {
	NameParams
	Channel string `path:"channel" doc:"Name of the channel." example:"stable"`
}

type promoteInput struct {
	ChannelParam
	Body struct {
		Version string `json:"version" doc:"Version that the channel shall point to; it must be listed." example:"1.2.0"`
	}
}

type promoteOutput struct{ Body index.Promotion }

type removeChannelOutput struct{ Body index.RemovedChannel }

type channelsInput struct {
	NameParams
	GenerationParam
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
}

func (s *Server) channelRoutes(a huma.API, guarded func(huma.Operation) huma.Operation) {
	huma.Register(a, answers[index.ChannelList](a, huma.Operation{
		OperationID: "channels", Method: http.MethodGet, Path: "/api/v1/plugins/{publisher}/{name}/channels", Tags: []string{"catalog"},
		Summary: "List channels", Description: "Every channel of a plugin by name, also those that point to a version that is not listed.",
	}, http.StatusBadRequest, http.StatusNotFound, http.StatusGone), s.channels)
	huma.Register(a, guarded(huma.Operation{
		OperationID: "promote", Method: http.MethodPost, Path: "/api/v1/plugins/{publisher}/{name}/channels/{channel}",
		Summary:     "Promote a version",
		Description: "Points a channel at a version. A push cannot do that. A version that is not listed is version_not_listed, and the channel stays as it was.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}), s.promote)
	huma.Register(a, guarded(huma.Operation{
		OperationID: "remove-channel", Method: http.MethodDelete, Path: "/api/v1/plugins/{publisher}/{name}/channels/{channel}",
		Summary: "Remove a channel", Description: "Takes a channel away, here and from the tags of the registry. The version that it pointed to stays.",
		Errors: []int{http.StatusNotFound},
	}), s.removeChannel)
}

func (s *Server) channels(ctx context.Context, in *channelsInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		if _, err := artifact.ParseChannel(in.Cursor); err != nil {
			return nil, refuse(http.StatusBadRequest, codeInvalidCursor, fmt.Sprintf("cursor: %.40q came, expected the next_cursor of a page", in.Cursor), "ask without cursor for the first page")
		}
	}
	return s.answer(ctx, in.Generation, func(r read) (any, error) {
		p, ok := r.gen.Snapshot.Plugin(id)
		if !ok {
			return nil, noPlugin(r.gen.Snapshot, id)
		}
		page := channelPage(r.rows(), p, in.Cursor, in.Limit)
		page.Stamp = r.gen.Stamp()
		return page, nil
	})
}

// channelPage gives at most limit channels of p behind the one named after.
func channelPage(rows catalog.RowEncoder, p *catalog.Plugin, after string, limit int) index.ChannelList {
	out := index.ChannelList{ID: p.ID.String(), Items: []index.Channel{}}
	for _, name := range slices.Sorted(maps.Keys(p.Channels)) {
		if name <= after {
			continue
		}
		if len(out.Items) == limit {
			out.NextCursor = out.Items[limit-1].Channel
			break
		}
		one := index.Channel{Channel: name, Digest: p.Channels[name]}
		if i := slices.IndexFunc(p.Versions, func(v catalog.Version) bool { return v.Digest == one.Digest }); i >= 0 {
			one.Version, one.Listed = p.Versions[i].Version.String(), p.Versions[i].Listed()
			if !rows.Whole(p, &p.Versions[i]) {
				one.Digest = ""
			}
		} else if !rows.Whole(p, nil) {
			one.Digest = ""
		}
		out.Items = append(out.Items, one)
	}
	return out
}

func (s *Server) promote(ctx context.Context, in *promoteInput) (*promoteOutput, error) {
	id, channel, err := s.channelOf(ctx, in.ChannelParam)
	if err != nil {
		return nil, err
	}
	v, err := artifact.ParseVersion(in.Body.Version)
	if err != nil {
		return nil, invalid(codeInvalidBody, err)
	}
	gen, err := s.generation(ctx, 0)
	if err != nil {
		return nil, err
	}
	p, ok := gen.Snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(gen.Snapshot, id)
	}
	found, ok := p.At(v)
	if !ok {
		return nil, noVersion(p, in.Body.Version)
	}
	if !found.Listed() {
		return nil, notListed(p, found, channel)
	}
	done, err := s.Engine.Promote(ctx, id, v, channel)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "audit: channel promoted", "request", requestID(ctx), "plugin", id, "channel", channel, "version", v, "digest", done.Digest, "before", done.Before)
	return &promoteOutput{done}, nil
}

func (s *Server) removeChannel(ctx context.Context, in *ChannelParam) (*removeChannelOutput, error) {
	id, channel, err := s.channelOf(ctx, *in)
	if err != nil {
		return nil, err
	}
	gen, err := s.generation(ctx, 0)
	if err != nil {
		return nil, err
	}
	if _, ok := gen.Snapshot.Plugin(id); !ok {
		return nil, noPlugin(gen.Snapshot, id)
	}
	done, err := s.Engine.RemoveChannel(ctx, id, channel)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "audit: channel removed", "request", requestID(ctx), "plugin", id, "channel", channel, "before", done.Before)
	return &removeChannelOutput{done}, nil
}

// channelOf reads the channel that a path names, for who may change it.
func (s *Server) channelOf(ctx context.Context, in ChannelParam) (artifact.Name, string, error) {
	id, err := in.name()
	if err != nil {
		return id, "", err
	}
	if err := s.Authorize(ctx, Promote, id.String()); err != nil {
		return id, "", s.hidden(ctx, id, err)
	}
	channel, err := artifact.ParseChannel(unescape(in.Channel))
	if err != nil {
		return id, "", invalid(codeInvalidParameter, err)
	}
	return id, channel.String(), nil
}

// hidden is refused for who may know of a plugin. For others who are logged in it is not
// there, as one that nobody has.
func (s *Server) hidden(ctx context.Context, id artifact.Name, refused error) error {
	if p := index.ProblemOf(refused); p.Status != http.StatusForbidden {
		return refused
	}
	gen, err := s.generation(ctx, 0)
	if err != nil {
		return err
	}
	if !gen.Snapshot.Has(id) {
		return noPlugin(gen.Snapshot, id)
	}
	return refused
}

// notListed refuses to point a channel at v: it would answer nothing.
func notListed(p *catalog.Plugin, v *catalog.Version, channel string) *index.Problem {
	var why []string
	for _, r := range v.Pending {
		why = append(why, r.Code+": "+r.Detail)
	}
	if v.IsYanked() {
		why = append(why, "it is yanked")
	}
	at := p.ID.String() + "@" + v.Version.String()
	return index.NewProblem(index.CodeVersionNotListed,
		fmt.Sprintf("%s is not listed (%s), so channel %q would answer nothing; the channel stays as it was", at, strings.Join(why, "; "), channel),
		"see what it waits for: oarlock why "+at, "promote a version that is listed")
}
