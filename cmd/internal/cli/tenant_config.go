package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/configschema"
	"github.com/oarlock/oarlock/index"
)

// tenantConfigResult is one revision of a configuration.
type tenantConfigResult struct{ index.TenantConfig }

func (r tenantConfigResult) text(w io.Writer) error {
	err := table(w, func(row func(...string)) {
		row("PLUGIN", r.Plugin)
		row("REVISION", revisionOf(r.TenantConfig))
		row("TAKEN BY", r.Version)
		row("SECRETS", secretsSet(r.Secrets))
		row("SINCE", r.ChangedAt.UTC().Format(time.RFC3339)+" by "+r.ChangedBy)
	})
	if err != nil || r.Config == nil {
		return err
	}
	raw, err := json.MarshalIndent(r.Config, "", "  ")
	if err != nil {
		return err
	}
	return writeLine(w, "%s", raw)
}

// revisionOf is the number of a revision, with what else there is to say of it.
func revisionOf(c index.TenantConfig) string {
	out := strconv.FormatInt(c.Revision, 10)
	if c.FromRevision > 0 {
		out += fmt.Sprintf(", back to %d", c.FromRevision)
	}
	if !c.Current {
		out += ", not the one that counts"
	}
	return out
}

// secretsSet names the secrets that are set.
func secretsSet(pointers []string) string {
	var out []string
	for _, p := range pointers {
		if p == "" {
			return "all of it"
		}
		out = append(out, p)
	}
	return orNone(strings.Join(out, ", "))
}

// tenantConfigList are revisions.
type tenantConfigList struct{ index.TenantConfigList }

func (r tenantConfigList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no configuration")
	}
	return table(w, func(row func(...string)) {
		row("REVISION", "COUNTS", "TAKEN BY", "BACK TO", "SECRETS", "SINCE", "BY")
		for _, c := range r.Items {
			back := "-"
			if c.FromRevision > 0 {
				back = strconv.FormatInt(c.FromRevision, 10)
			}
			row(strconv.FormatInt(c.Revision, 10), yesNo(c.Current), c.Version, back, secretsSet(c.Secrets),
				c.ChangedAt.UTC().Format(time.RFC3339), c.ChangedBy)
		}
	})
}

func tenantConfigPath(args []string, more string) string {
	return tenantPath(args[0], "/plugins/"+args[1]+"/config"+more)
}

func newTenantConfigure(c *console) *cobra.Command {
	var file string
	cmd := verb("configure TENANT PLUGIN -f FILE", "Configure a plugin of a tenant",
		"FILE is a JSON document that the schema of the plugin takes; - is stdin. A secret that it leaves out stays as it was, and\n"+
			"one that is null is cleared. A plugin without a schema takes any document, all of which is a secret. The same again\n"+
			"changes nothing.",
		"oarlock tenant configure north acme/hello -f hello.json", "oarlock tenant configure north acme/hello -f - <hello.json")
	tenantPluginArgs(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "the `FILE` with the configuration, in JSON; - is stdin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if file == "" {
			return usagef("tenant configure: which configuration? expected -f FILE")
		}
		raw, err := c.readConfiguration(cmd.Context(), file)
		if err != nil {
			return fmt.Errorf("tenant configure: %w", err)
		}
		if !json.Valid(raw) {
			return fmt.Errorf("tenant configure: %s: expected a JSON document: %w", file, artifact.ErrInvalid)
		}
		return tenantConfigCall(cmd.Context(), c, http.MethodPut, "configure", tenantConfigPath(args, ""), json.RawMessage(raw))
	}
	return cmd
}

// readConfiguration reads a file of at most configschema.MaxSize bytes, or stdin.
func (c *console) readConfiguration(ctx context.Context, path string) ([]byte, error) {
	if path != "-" {
		return bounded.ReadArgument(ctx, path, configschema.MaxSize)
	}
	raw, err := io.ReadAll(io.LimitReader(c.stdin(ctx, "the configuration"), configschema.MaxSize+1))
	if err == nil && len(raw) > configschema.MaxSize {
		err = fmt.Errorf("%q: more than %d bytes: %w", path, configschema.MaxSize, artifact.ErrInvalid)
	}
	return raw, err
}

func tenantConfigCall(ctx context.Context, c *console, method, name, path string, body any) error {
	r, err := call[tenantConfigResult](ctx, c, method, path, body)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", name, err)
	}
	return c.print(r)
}

func newTenantConfig(c *console) *cobra.Command {
	return parent("config", "Look at what plugins of a tenant are configured with, and go back",
		newTenantConfigShow(c), newTenantConfigRevisions(c), newTenantConfigRestore(c))
}

func newTenantConfigShow(c *console) *cobra.Command {
	var revision int64
	cmd := verb("show TENANT PLUGIN", "Show a configuration", "Without its secrets: SECRETS names those that are set.",
		"oarlock tenant config show north acme/hello", "oarlock tenant config show north acme/hello --revision 3 --output json")
	tenantPluginArgs(cmd)
	cmd.Flags().Int64Var(&revision, "revision", 0, "the revision `N`; by default the one that counts")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		more := ""
		if cmd.Flags().Changed("revision") {
			more = "/revisions/" + strconv.FormatInt(revision, 10)
		}
		return tenantConfigCall(cmd.Context(), c, http.MethodGet, "config show", tenantConfigPath(args, more), nil)
	}
	return cmd
}

func newTenantConfigRevisions(c *console) *cobra.Command {
	cmd := verb("revisions TENANT PLUGIN", "List revisions of a configuration", "The newest first, with who and when. The newest hundred are kept.",
		"oarlock tenant config revisions north acme/hello")
	tenantPluginArgs(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := tenantConfigList{index.TenantConfigList{Items: []index.TenantConfig{}}}
		for cursor := ""; ; {
			path := tenantConfigPath(args, "/revisions?limit=500&cursor="+url.QueryEscape(cursor))
			r, err := call[tenantConfigList](cmd.Context(), c, http.MethodGet, path, nil)
			if err != nil {
				return fmt.Errorf("tenant config revisions: %w", err)
			}
			all.Items = append(all.Items, r.Items...)
			if r.NextCursor == "" || r.NextCursor == cursor || len(r.Items) == 0 { // a server that does not go on would never end
				return c.print(all)
			}
			cursor = r.NextCursor
		}
	}
	return cmd
}

func newTenantConfigRestore(c *console) *cobra.Command {
	cmd := verb("restore TENANT PLUGIN REVISION", "Go back to a revision of a configuration",
		"Its secrets too. It becomes a new revision, which the schema has to take.",
		"oarlock tenant config restore north acme/hello 3")
	cmd.Args = func(cmd *cobra.Command, got []string) error {
		if err := args(3, 3, "the id of a tenant, a plugin such as acme/hello and the number of a revision")(cmd, got); err != nil {
			return err
		}
		if _, err := strconv.ParseInt(got[2], 10, 64); err != nil {
			return usagef("revision %q: expected a number such as 3", got[2])
		}
		if _, err := artifact.ParseName(got[1]); err != nil {
			return argument(err)
		}
		return argument(artifact.CheckSegment(got[0]))
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return tenantConfigCall(cmd.Context(), c, http.MethodPost, "config restore", tenantConfigPath(args, "/revisions/"+args[2]+"/restore"), nil)
	}
	return cmd
}
