package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// goWords are words of the language that this is written in, which mean nothing
// to an operator.
var goWords = regexp.MustCompile(`\b(u?int\d*|float64|strconv|interface|struct|mapstructure|koanf|reflect|nil|Duration|parsing|decoding)\b|map\[|\[\]|%!`)

// field is what a key is in c.
func field(c *Config, key string) reflect.Value {
	v := reflect.ValueOf(c).Elem()
	for part := range strings.SplitSeq(key, ".") {
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("koanf") == part {
				v = v.Field(i)
				break
			}
		}
	}
	return v
}

func TestEveryProblemOfAFileIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	err := loaded(t, "lisen: x\nlimits: {body: many, bdy: 1}\ngc: {grace: 24}\nrepair_from: [{url: x}]\noidc: {grants: [{clam: groups}]}\noutbound: 5\nnamespaces: {acme: {quota: {byte: 1}}}\nData: a\ndata: b\n")
	var all *Error
	if !errors.As(err, &all) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"lisen: unknown key", "limits.bdy: unknown key", `limits.body: "many": expected`, "gc.grace: 24: expected", "repair_from[0]: ", "oidc.grants[0].clam: unknown key",
		"outbound: 5, expected keys", "namespaces.acme.quota.byte: unknown key", `data: is there as "Data" and as "data"`} {
		if !slices.ContainsFunc(all.Problems, func(p string) bool { return strings.HasPrefix(p, want) }) {
			t.Errorf("nobody says %q:\n%s", want, err)
		}
	}
	if len(all.Problems) != 9 {
		t.Errorf("%d problems, expected 9:\n%s", len(all.Problems), err)
	}
}

// What is expected in place of an unknown key is every key that there is.
func TestEveryKeyIsNamedWhereOneIsUnknown(t *testing.T) {
	t.Parallel()
	err := loaded(t, "zzz: 1\n")
	for _, key := range []string{"trusted_proxies", "repair_from", "oidc.grants", "outbound.hosts", "outbound.networks", "namespaces", "limits.body", "rate.logins"} {
		if err == nil || !strings.Contains(err.Error(), " "+key) {
			t.Errorf("%s is not in %v", key, err)
		}
	}
	if err := loaded(t, "trusted_proxis: [127.0.0.1]\n"); err == nil || !strings.Contains(err.Error(), "trusted_proxies") {
		t.Errorf("got %v", err)
	}
	_, err = Load(t.Context(), Input{Environ: []string{"OARLOCK_TRUSTED_PROXIES=127.0.0.1"}})
	if err == nil || !strings.Contains(err.Error(), "set it in the configuration file") {
		t.Errorf("a list in the environment: %v", err)
	}
}

// No text of a refusal has words of the language in it, and each has the key.
func TestRefusalsAreInPlainWords(t *testing.T) {
	t.Parallel()
	for _, key := range AllKeys() {
		for _, value := range []string{"{a: 1}", "[[x]]", "[{a: b}]", "many", "true", "1.5", ".nan", ".inf", "-.inf", "1e300", "18446744073709551615", "9223372036854775807", "0x1p5", "''"} {
			err := loaded(t, nested(key, value))
			if err == nil {
				continue
			}
			if found := goWords.FindString(strings.ReplaceAll(err.Error(), value, "")); found != "" {
				t.Errorf("%s: %s: %q in: %s", key, value, found, err)
			}
			if !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %s: the key is not in: %s", key, value, err)
			}
		}
	}
}

// exact is the number that a text stands for, in bytes or nanoseconds where it
// has a unit.
func exact(text string) (*big.Rat, bool) {
	if d, err := time.ParseDuration(text); err == nil {
		return new(big.Rat).SetInt64(int64(d)), true
	}
	factor := int64(1)
	for _, size := range sizes {
		if cut, ok := strings.CutSuffix(text, size.suffix); ok {
			text, factor = cut, size.bytes
		}
	}
	n, ok := new(big.Rat).SetString(text)
	if ok {
		n.Mul(n, new(big.Rat).SetInt64(factor))
	}
	return n, ok
}

// A number is taken as it was written or refused, in the file and in the
// environment: none is cut, wrapped, read by another base, or no number at all.
func TestNoNumberBecomesAnother(t *testing.T) {
	t.Parallel()
	var numeric []string
	c := Default()
	for _, key := range Keys() {
		if k := field(&c, key).Kind(); k == reflect.Int || k == reflect.Int64 || k == reflect.Float64 {
			numeric = append(numeric, key)
		}
	}
	if len(numeric) < 30 {
		t.Fatalf("only %q: the test looks in the wrong place", numeric)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom(numeric).Draw(t, "key")
		text := rapid.OneOf(
			rapid.SampledFrom([]string{"NaN", "nan", "Inf", "-Inf", "+Infinity", "1e400", "010", "0x10", "1_000", "-0", "9223372036854775807", "9223372036854775808", "18446744073709551616", "17179869184GiB", "8589934591GiB", "1ns", "2562047h", "9999999h", "0.1"}),
			rapid.StringMatching(`-?[1-9][0-9]{0,20}(\.[0-9]{1,3})?(e[0-9]{1,2})?`),
			rapid.StringMatching(`-?[1-9][0-9]{0,12}(KiB|MiB|GiB|ns|ms|s|m|h)`),
		).Draw(t, "text")
		c, err := Load(t.Context(), Input{Environ: []string{envName(key) + "=" + text}})
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			if !strings.Contains(err.Error(), strings.Split(key, ".")[0]) {
				t.Fatalf("%s=%s: the refusal does not name it: %s", key, text, err)
			}
			return
		}
		got, want := field(&c, key), new(big.Rat)
		switch got.Kind() {
		case reflect.Float64:
			if math.IsNaN(got.Float()) || math.IsInf(got.Float(), 0) {
				t.Fatalf("%s=%s is %v", key, text, got.Float())
			}
			if f, ok := exact(text); ok {
				near, _ := f.Float64()
				if near != got.Float() {
					t.Fatalf("%s=%s is %v", key, text, got.Float())
				}
			}
			return
		default:
			want.SetInt64(got.Int())
		}
		is, ok := exact(strings.TrimPrefix(text, "+"))
		if text == "010" { // decimals, as everywhere
			is = big.NewRat(10, 1)
		}
		if !ok || is.Cmp(want) != 0 {
			t.Fatalf("%s=%s is %s", key, text, fmt.Sprint(got.Interface()))
		}
	})
}

// Numbers below zero are refused wherever less than nothing is no setting.
func TestNumbersBelowZeroAreRefused(t *testing.T) {
	t.Parallel()
	c := Default()
	for _, key := range Keys() {
		value := "-5"
		switch v := field(&c, key); {
		case key == "drill.clock_offset":
			continue
		case v.Type() == reflect.TypeFor[time.Duration]():
			value = "-5s"
		case v.Kind() != reflect.Int && v.Kind() != reflect.Int64 && v.Kind() != reflect.Float64:
			continue
		}
		c, err := Load(t.Context(), Input{Environ: []string{envName(key) + "=" + value}})
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), strings.Split(key, ".")[0]) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), -1} {
		c := Default()
		c.Rate.PerSecond, c.Rate.Logins = bad, bad
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "rate.per_second") || !strings.Contains(err.Error(), "rate.logins") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
