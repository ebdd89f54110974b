package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/cmd/internal/app"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
)

func newServe(c *console) *cobra.Command {
	cmd := verb("serve", "Serve registry and catalog on one listener",
		"One process is enough: /v2/ is the OCI registry, /api/v1/ the catalog, /api/docs its reference.\n"+
			"The configuration file is read first, then OARLOCK_* variables, then flags. SIGTERM drains and\n"+
			"exits 0, a second signal ends at once; SIGHUP reads trust policy and certificate again. The first start makes\n"+
			"the platform key and prints one admin token: log in with it, claim a namespace, push.",
		"oarlock serve --dev", "oarlock serve --data /var/lib/oarlock --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem",
		"oarlock serve --config /etc/oarlock.yaml", "curl http://127.0.0.1:7117/readyz")
	cmd.Args = args(0, 0, "none")
	serverFlags(cmd.Flags())
	cmd.Flags().String("clock-offset", "", "for drills, with --dev or drill.copy: how far the server's clock is ahead, such as 48h")
	cmd.Flags().String("bootstrap-token-file", "", "new `FILE` that the first admin token is written to, and then not printed")
	adopt := cmd.Flags().Bool("adopt-registry", false, "for one start: a new site over a registry whose database is gone; its names stay private until an admin gives them")
	newKeys := cmd.Flags().Bool("new-keys", false, "for one start: make the keys of the signed catalog and of logins anew where they are lost; readers must pin the new root")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd.Context(), cmd.Flags())
		if err != nil {
			return err
		}
		return serve(cmd.Context(), c, cfg, app.Options{AdoptRegistry: *adopt, NewKeys: *newKeys})
	}
	return cmd
}

// serverFlags are the settings that have a flag; the key of each is its name
// with "_" for "-".
func serverFlags(f *pflag.FlagSet) {
	d := config.Default()
	f.String("config", "", "configuration `FILE` (YAML)")
	f.String("data", d.Data, "directory for all that is kept")
	f.String("listen", d.Listen, "`ADDRESS` and port; port 0 takes a free one")
	f.String("metrics", "", "`ADDRESS` and port of its own for /metrics, which the public one then does not answer")
	f.String("public-url", "", "`URL` under which clients reach this server; each request's Host by default")
	f.String("tls-cert", "", "certificate `FILE` (PEM)")
	f.String("tls-key", "", "key `FILE` of the certificate (PEM)")
	f.String("storage", "", "`URL` of the blobs: a directory, or s3://bucket/prefix?region=…&endpoint=…")
	f.String("db", "", "`URL` of the database; nothing for the embedded default")
	f.String("trust", "", "trust policy `FILE` (YAML): whose signatures count")
	f.Bool("dev", false, "for trying out: loopback only, no login, unsigned versions are listed and marked")
	f.String("log-level", d.Log.Level, "debug, info, warn or error")
	f.String("log-format", d.Log.Format, "text or json")
}

func loadConfig(ctx context.Context, f *pflag.FlagSet) (config.Config, error) {
	return loadConfigFor(ctx, f, (*config.Config).Validate)
}

// loadConfigFor judges the configuration by what it is used for.
func loadConfigFor(ctx context.Context, f *pflag.FlagSet, validate func(*config.Config) error) (config.Config, error) {
	given := map[string]any{}
	file := ""
	f.Visit(func(flag *pflag.Flag) {
		switch key := strings.ReplaceAll(flag.Name, "-", "_"); {
		case flag.Name == "config":
			file = flag.Value.String()
		case strings.HasPrefix(flag.Name, "log-"):
			given["log."+strings.TrimPrefix(flag.Name, "log-")] = flag.Value.String()
		case flag.Name == "clock-offset":
			given["drill.clock_offset"] = flag.Value.String()
		case strings.HasPrefix(flag.Name, "bootstrap-"):
			given["bootstrap."+strings.TrimPrefix(key, "bootstrap_")] = flag.Value.String()
		case key == "dev":
			given[key], _ = f.GetBool(flag.Name)
		case f.Lookup(flag.Name) != nil && isSetting(key):
			given[key] = flag.Value.String()
		}
	})
	cfg, err := config.Load(ctx, config.Input{File: file, Environ: os.Environ(), Flags: given})
	var loading, judging *config.Error
	errors.As(err, &loading)
	if errors.As(validate(&cfg), &judging) && loading != nil {
		loading.Problems = append(loading.Problems, judging.Problems...)
		return cfg, loading
	}
	if loading != nil {
		return cfg, loading
	}
	if judging != nil {
		return cfg, judging
	}
	return cfg, err
}

func isSetting(key string) bool {
	for _, k := range config.Keys() {
		if k == key {
			return true
		}
	}
	return false
}

func serve(ctx context.Context, c *console, cfg config.Config, o app.Options) error {
	privateFiles()
	log := cfg.Log.Logger(c.Err)
	slog.SetDefault(log)
	edge.LimitMemory(log)
	o.Log, o.Version, o.Notice = log, buildVersion(c.version).Version, c.Err
	s, err := app.Open(ctx, cfg, o)
	if err != nil {
		return err
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, hangup...)
	defer signal.Stop(again)
	go func() {
		for {
			select {
			case <-again:
				if err := s.Reload(ctx); err != nil {
					log.Error("reload: what cannot be used stays as it was", "err", err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := errors.Join(s.Run(ctx), s.Close()); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}
