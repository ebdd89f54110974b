package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// localServer is where a server without settings listens.
const localServer = "http://127.0.0.1:7117"

func (c *console) serverURL() string { return cmp.Or(c.server, defaultServer()) }

// serverAt is serverURL with a scheme.
func (c *console) serverAt(ctx context.Context) string {
	server := strings.TrimSpace(c.serverURL())
	if strings.Contains(server, "://") {
		return server
	}
	return c.scheme(ctx, registryOf(server)) + "://" + server
}

// serverCatalog is a client of the catalog that --server names.
func (c *console) serverCatalog(ctx context.Context) (*client.Client, error) {
	cl, err := client.New(c.serverAt(ctx), client.Options{HTTPClient: http.DefaultClient, UserAgent: c.userAgent(), PlainHTTP: c.plainHTTP, Login: c.token})
	return cl, argument(err)
}

func (c *console) userAgent() string { return "oarlock/" + buildVersion(c.version).Version }

// hostFlags narrow a question to what one host can run.
type hostFlags struct {
	host, hostVersion, platform, channel string
	prerelease                           bool
	minimumAge                           string
}

func (h *hostFlags) add(f *pflag.FlagSet) {
	f.StringVar(&h.host, "host", "", "`ID` of the host application")
	f.StringVar(&h.hostVersion, "host-version", "", "`VERSION` of the host application")
	f.StringVar(&h.platform, "platform", "", "`OS/ARCH[/VARIANT]` of the machine")
	f.StringVar(&h.channel, "channel", "", "only the version that this channel points to")
	f.BoolVar(&h.prerelease, "prerelease", false, "take prereleases too")
	f.StringVar(&h.minimumAge, "minimum-age", "", "only what has been public for `DURATION`, such as 72h or 7d, by the publication log")
}

func (h *hostFlags) query() index.Query {
	return index.Query{Host: h.host, HostVersion: h.hostVersion, Platform: h.platform, Channel: h.channel, Prerelease: h.prerelease, MinimumAge: h.minimumAge}
}

// pluginArg is a plugin as it is typed: acme/hello, acme/hello@0.2.0, acme/hello@^0.2.
type pluginArg struct {
	id   artifact.Name
	text string // after the "@"
}

func parsePlugin(s string) (pluginArg, error) {
	name, text, at := strings.Cut(s, "@")
	id, err := artifact.ParseName(name)
	if err != nil {
		if t, ok := spell(s); ok {
			return pluginArg{}, usagef("plugin %q: this is the reference of a registry, and the catalog knows plugins: %s", s, t.asPlugin())
		}
		return pluginArg{}, argument(err)
	}
	if at && strings.TrimSpace(text) == "" {
		return pluginArg{}, usagef("plugin %q: nothing after \"@\", expected a version or a range", s)
	}
	return pluginArg{id, text}, nil
}

// version is the exact version that was typed; the zero one if none was.
func (p pluginArg) version() (artifact.Version, error) {
	if p.text == "" {
		return artifact.Version{}, nil
	}
	v, err := artifact.ParseVersion(p.text)
	return v, argument(err)
}

// want is what was typed as a range; an exact version is the range of itself.
func (p pluginArg) want() (index.Want, error) {
	if p.text == "" {
		return index.Want{ID: p.id.String()}, nil
	}
	text := p.text
	if v, err := artifact.ParseVersion(text); err == nil {
		text = "=" + v.String()
	}
	if _, err := artifact.ParseRange(text); err != nil {
		return index.Want{}, argument(err)
	}
	return index.Want{ID: p.id.String(), Range: text}, nil
}

func wants(args []string) ([]index.Want, error) {
	out := make([]index.Want, 0, len(args))
	for _, arg := range args {
		p, err := parsePlugin(arg)
		if err != nil {
			return nil, err
		}
		w, err := p.want()
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// completePlugins offers the ids that begin as typed.
func (c *console) completePlugins(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	cl, err := c.catalog(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	page, err := cl.Search(cmd.Context(), index.Query{Limit: 200, Text: strings.ReplaceAll(typed, "/", " ")})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, row := range page.Items {
		if strings.HasPrefix(row.ID, typed) {
			out = append(out, fmt.Sprintf("%s\t%s", row.ID, row.Name))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
