package config

import (
	"context"
	"fmt"
	"net"
	"net/url"
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

	"github.com/oarlock/oarlock/artifact/bounded"
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
func Load(ctx context.Context, in Input) (Config, error) {
	k := koanf.New(".")
	var problems []string
	if in.File != "" {
		raw, err := bounded.ReadArgument(ctx, in.File, bounded.Document)
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
	bad = shape{of: reflect.TypeFor[Config]()}.problems(k.Raw())
	problems = append(problems, bad...)
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           &c,
		TagName:          "koanf",
		WeaklyTypedInput: true,
		DecodeHook:       mapstructure.ComposeDecodeHookFunc(duration, byteSize),
	}})
	if err != nil && len(bad) == 0 { // else it says the same in words of its own
		problems = append(problems, err.Error())
	}
	if c.Footing().OwnMachine && !k.Exists("limits.unready") {
		c.Limits.Unready = 0
	}
	if len(problems) > 0 {
		return c, &Error{problems}
	}
	return c, nil
}

// Keys are all keys that have a single value, in order: those that an
// environment variable can give.
func Keys() []string { return keysOf(reflect.TypeFor[Config](), "", false) }

// AllKeys are Keys and those of lists and of names, in order.
func AllKeys() []string { return keysOf(reflect.TypeFor[Config](), "", true) }

func keysOf(t reflect.Type, prefix string, all bool) []string {
	var out []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("koanf")
		switch f.Type.Kind() {
		case reflect.Map, reflect.Slice:
			if all {
				out = append(out, key)
			}
		case reflect.Struct:
			out = append(out, keysOf(f.Type, key+".", all)...)
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
	byName, lists := map[string]string{}, map[string]string{}
	for _, key := range AllKeys() {
		lists[envName(key)] = key
	}
	for _, key := range Keys() {
		byName[envName(key)] = key
		delete(lists, envName(key))
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
		if key := lists[name]; key != "" {
			problems = append(problems, fmt.Sprintf("environment variable %s: %s has more than one value: set it in the configuration file", name, key))
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

// duration reads what checkDuration let pass.
func duration(_, to reflect.Type, v any) (any, error) {
	s, ok := v.(string)
	if !ok || to != reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	return time.ParseDuration(s)
}

// byteSize reads what checkInteger let pass: decimals, since the decoder would
// take 010 for 8, and sizes such as 64MiB.
func byteSize(_, to reflect.Type, v any) (any, error) {
	s, ok := v.(string)
	if !ok || to.Kind() != reflect.Int64 && to.Kind() != reflect.Int || to == reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	n, _, err := bytesOf(s)
	return n, err
}

// nearest suggests the one of all keys that key probably stands for.
func nearest(key string, all []string) string {
	for _, known := range all {
		if strings.EqualFold(strings.NewReplacer("-", "_").Replace(key), known) ||
			strings.HasSuffix(known, "."+key) || strings.HasPrefix(known, key) {
			return fmt.Sprintf(", did you mean %q?", known)
		}
	}
	return ", expected one of " + strings.Join(all, ", ")
}
