package config

import (
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configured is one that works on a free port with its own data directory.
func configured(t *testing.T) Config {
	t.Helper()
	c := Default()
	c.Data, c.Listen, c.Dev = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", true
	return c
}

func problems(t *testing.T, err error) string {
	t.Helper()
	var c *Error
	if !errors.As(err, &c) || !errors.Is(err, ErrUnusable) {
		t.Fatalf("error %v, expected a Error", err)
	}
	return strings.Join(c.Problems, "\n")
}

// A server says for a while that it goes, unless nobody is told: with dev, and
// where it is set. Proves A8.
func TestTheEndIsToldFirst(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]time.Duration{
		"": 5 * time.Second, "OARLOCK_DEV=true": 0, "OARLOCK_DEV=true OARLOCK_LIMITS_UNREADY=2s": 2 * time.Second, "OARLOCK_LIMITS_UNREADY=0s": 0,
	} {
		c, err := Load(t.Context(), Input{Environ: strings.Fields(env)})
		if err != nil || c.Limits.Unready != want {
			t.Errorf("%q: %v, %v, want %v", env, c.Limits.Unready, err, want)
		}
	}
}

// config check shows each limit that can be set.
func TestEveryLimitIsShown(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Default().Limits)
	var shown map[string]any
	if err = errors.Join(err, json.Unmarshal(b, &shown)); err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		if limit, ok := strings.CutPrefix(key, "limits."); ok && shown[limit] == nil {
			t.Errorf("%s is not shown: %s", key, b)
		}
	}
}

func TestAnonymousIsChecked(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "Pull", "nobody"} {
		c := configured(t)
		c.Dev, c.Anonymous = false, mode
		if text := problems(t, c.Validate()); !strings.Contains(text, "pull, catalog or none") {
			t.Errorf("%q: %s", mode, text)
		}
	}
	c := configured(t)
	c.Anonymous = "none"
	if text := problems(t, c.Validate()); !strings.Contains(text, "dev asks nobody") {
		t.Errorf("dev: %s", text)
	}
}

func TestTheEdgeIsValidated(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.TrustedProxies, c.Limits.Connections, c.Limits.UploadRate, c.Limits.BodyGrace = []string{"10.0.0.0/8", "everybody", "0.0.0.0/0"}, -1, -1, 0
	got := problems(t, c.Validate())
	for _, want := range []string{`trusted_proxies: proxy "everybody"`, `trusted_proxies: proxy "0.0.0.0/0"`, "limits.connections: -1", "limits.upload_rate: -1", "limits.body_grace: expected more than 0"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}

// TestServiceLinks_L3: Kubernetes gives each container variables for services
// in its namespace, and one may be called as this program is.
func TestServiceLinks_L3(t *testing.T) {
	t.Parallel()
	_, problems := fromEnviron([]string{
		"OARLOCK_PORT=tcp://10.0.0.1:7117", "OARLOCK_SERVICE_HOST=10.0.0.1", "OARLOCK_SERVICE_PORT=7117", "OARLOCK_SERVICE_PORT_HTTP=7117",
		"OARLOCK_PORT_7117_TCP=tcp://10.0.0.1:7117", "OARLOCK_PORT_7117_TCP_PROTO=tcp", "OARLOCK_PORT_7117_TCP_PORT=7117", "OARLOCK_PORT_7117_TCP_ADDR=fd00::1",
		"OARLOCK_DB_PORT=tcp://[fd00::1]:5432", "OARLOCK_DB_SERVICE_HOST=10.0.0.2", "OARLOCK_DB_PORT_5432_UDP=udp://10.0.0.2:5432",
	})
	if len(problems) != 0 {
		t.Errorf("service links: %v", problems)
	}
	for _, one := range []string{"OARLOCK_PORT=7117", "OARLOCK_LISTEN_PORT=80", "OARLOCK_PORTS=tcp://10.0.0.1:1", "OARLOCK_SERVICE_HOST=example.org", "OARLOCK_LISTN=x"} {
		if _, problems := fromEnviron([]string{one}); len(problems) != 1 {
			t.Errorf("%s: %v", one, problems)
		}
	}
}

// TestAShiftedClockIsForDrills: never over a site by accident.
func TestAShiftedClockIsForDrills(t *testing.T) {
	t.Parallel()
	site := configured(t)
	site.Dev, site.Drill.ClockOffset = false, 48*time.Hour
	if text := problems(t, site.Validate()); !strings.Contains(text, "drill.clock_offset: 48h0m0s") || !strings.Contains(text, "drill.copy") {
		t.Errorf("over a site: %s", text)
	}
	site.Drill.Copy = true
	if err := site.Validate(); err != nil || len(site.drillWarnings()) != 1 {
		t.Errorf("over a copy: %v, warned %q", err, site.drillWarnings())
	}
	dev := configured(t)
	dev.Drill.ClockOffset = -time.Hour
	if err := dev.Validate(); err != nil {
		t.Errorf("with dev: %v", err)
	}
	dev.Drill.ClockOffset = math.MinInt64
	if text := problems(t, dev.Validate()); !strings.Contains(text, "at most") {
		t.Errorf("too far: %s", text)
	}
	if got, err := Load(t.Context(), Input{Environ: []string{"OARLOCK_DRILL_CLOCK_OFFSET=48h", "OARLOCK_DRILL_COPY=true"}}); err != nil || got.Drill != (Drill{48 * time.Hour, true}) {
		t.Errorf("from the environment: %+v, %v", got.Drill, err)
	}
	if b, err := json.Marshal(site.Drill); err != nil || string(b) != `{"clock_offset":"48h0m0s","copy":true}` {
		t.Errorf("shown as %s, %v", b, err)
	}
}
