package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"github.com/go-viper/mapstructure/v2"
)

// Input is where a configuration comes from; later fields win.
type Input struct {
	File    string         // path of a YAML file, or ""
	Environ []string       // of the process; only OARLOCK_* is read, and what is empty is not set
	Flags   map[string]any // by key, those that were given
}

// envPrefix begins every environment variable of ours; those in envElsewhere
// belong to the command line, not to the server.
const envPrefix = "OARLOCK_"

var envElsewhere = []string{"OARLOCK_SERVER", "OARLOCK_TOKEN", "OARLOCK_POLICY", "OARLOCK_CATALOG", "OARLOCK_ROOT"}

// Load reads in over the defaults. It does not judge values: Validate
// does. An unknown key, in the file or the environment, is a *Error, as
// is a value of the wrong type; all are named at once.
func Load(in Input) (Config, error) {
	k := koanf.New(".")
	var problems []string
	if in.File != "" {
		raw, err := os.ReadFile(in.File)
		if err != nil {
			problems = append(problems, fmt.Sprintf("config: %s", err))
		} else if err := k.Load(rawbytes.Provider(raw), yaml.Parser()); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s", in.File, err))
		}
	}
	env, bad := fromEnviron(in.Environ)
	problems = append(problems, bad...)
	for _, m := range []map[string]any{env, in.Flags} {
		if err := k.Load(confmap.Provider(m, "."), nil); err != nil {
			problems = append(problems, err.Error())
		}
	}
	c := Default()
	var meta mapstructure.Metadata
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           &c,
		Metadata:         &meta,
		TagName:          "koanf",
		WeaklyTypedInput: true,
		DecodeHook:       mapstructure.ComposeDecodeHookFunc(duration, byteSize),
	}})
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if line != "" && !strings.HasPrefix(line, "decoding failed") { // the decoder's heading
				problems = append(problems, line)
			}
		}
	}
	slices.Sort(meta.Unused)
	for _, key := range meta.Unused {
		problems = append(problems, fmt.Sprintf("%s: unknown key%s", key, nearest(key)))
	}
	if c.Dev && !k.Exists("limits.unready") {
		c.Limits.Unready = 0
	}
	if len(problems) > 0 {
		return c, &Error{problems}
	}
	return c, nil
}

// Keys are all keys that have a single value, in order.
func Keys() []string { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("koanf")
		switch f.Type.Kind() {
		case reflect.Map, reflect.Slice:
		case reflect.Struct:
			out = append(out, keysOf(f.Type, key+".")...)
		default:
			out = append(out, key)
		}
	}
	return out
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func fromEnviron(environ []string) (map[string]any, []string) {
	byName := map[string]string{}
	for _, key := range Keys() {
		byName[envName(key)] = key
	}
	values := map[string]any{}
	var problems []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if value == "" || !strings.HasPrefix(name, envPrefix) || slices.Contains(envElsewhere, name) {
			continue
		}
		key, ok := byName[name]
		if !ok && isServiceLink(name, value) {
			continue
		}
		if !ok {
			problems = append(problems, fmt.Sprintf("environment variable %s: unknown key", name))
			continue
		}
		values[key] = value
	}
	return values, problems
}

// serviceLink are the names that Kubernetes gives every container of a
// namespace for each of its services: of one that is called oarlock, or
// oarlock-db, they begin with our prefix.
var serviceLink = regexp.MustCompile(`^OARLOCK(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// isServiceLink tells those by name and value: a setting that is misspelt is
// still refused.
func isServiceLink(name, value string) bool {
	if !serviceLink.MatchString(name) {
		return false
	}
	switch {
	case strings.HasSuffix(name, "_SERVICE_HOST"), strings.HasSuffix(name, "_ADDR"):
		return net.ParseIP(value) != nil
	case strings.HasSuffix(name, "_PROTO"):
		return value == "tcp" || value == "udp" || value == "sctp"
	case strings.Contains(name, "_SERVICE_PORT"), regexp.MustCompile(`_\d+_(TCP|UDP|SCTP)_PORT$`).MatchString(name):
		_, err := strconv.ParseUint(value, 10, 16)
		return err == nil
	}
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "tcp" || u.Scheme == "udp" || u.Scheme == "sctp") && u.Port() != ""
}

// duration wants a time with its unit: a bare number would be nanoseconds.
func duration(_, to reflect.Type, v any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	switch v := v.(type) {
	case time.Duration: // of a flag
		return v, nil
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			return nil, fmt.Errorf("%q: expected a duration such as 30s, 90m or 24h", v)
		}
		return d, nil
	case int:
		if v == 0 {
			return time.Duration(0), nil
		}
	}
	return nil, fmt.Errorf("%v: expected a duration with its unit, such as 30s, 90m or 24h", v)
}

// byteSize lets a number of bytes be written "64MiB".
func byteSize(from, to reflect.Type, v any) (any, error) {
	s, ok := v.(string)
	if !ok || to.Kind() != reflect.Int64 || to == reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, found := strings.CutSuffix(s, suffix); found {
			i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 40)
			if err != nil || i > math.MaxInt64/factor || i < math.MinInt64/factor {
				return nil, fmt.Errorf("%q: expected a number of bytes such as 1048576 or 64MiB", s)
			}
			return i * factor, nil
		}
	}
	return v, nil
}

// nearest suggests the known key that key probably stands for.
func nearest(key string) string {
	for _, known := range Keys() {
		if strings.EqualFold(strings.NewReplacer("-", "_").Replace(key), known) ||
			strings.HasSuffix(known, "."+key) || strings.HasPrefix(known, key) {
			return fmt.Sprintf(", did you mean %q?", known)
		}
	}
	return ", expected one of " + strings.Join(append(Keys(), "namespaces"), ", ")
}
