package config

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A shape is what the values of one key, or of those below it, have to be. It is
// asked before anything is decoded, so that every problem is named at once, and
// no number is bent until it fits.
type shape struct {
	key   string
	of    reflect.Type
	count bool // an integer of that type counts things, and has no size such as 64MiB
}

// problems are what is wrong with raw and all that is below it. A value that is
// not there, or null, leaves the default.
func (s shape) problems(raw any) []string {
	if raw == nil {
		return nil
	}
	switch {
	case s.of == reflect.TypeFor[time.Duration]():
		return s.said(checkDuration(raw))
	case s.of.Kind() == reflect.Struct:
		return s.below(raw, s.field, "keys below it")
	case s.of.Kind() == reflect.Map:
		return s.below(raw, func(name string) (shape, bool) {
			return shape{key: s.key + "." + name, of: s.of.Elem()}, true
		}, "names below it")
	case s.of.Kind() == reflect.Slice:
		return s.list(raw)
	case s.of.Kind() == reflect.Bool:
		return s.said(checkBool(raw))
	case s.of.Kind() == reflect.Float64:
		return s.said(checkRate(raw))
	case s.of.Kind() == reflect.String:
		return s.said(checkText(raw))
	}
	return s.said(checkInteger(raw, s.count))
}

// said is a problem with the key it is about.
func (s shape) said(problem string) []string {
	if problem == "" {
		return nil
	}
	return []string{s.key + ": " + problem}
}

// field is the key of that name below s. Letters of either case are taken, as
// the decoder takes them.
func (s shape) field(name string) (shape, bool) {
	for f := range s.of.Fields() {
		if tag := f.Tag.Get("koanf"); strings.EqualFold(tag, name) {
			return shape{key: strings.TrimPrefix(s.key+"."+tag, "."), of: f.Type, count: f.Tag.Get("unit") == "count"}, true
		}
	}
	return shape{}, false
}

// known are the keys that there may be in place of an unknown one below s.
func (s shape) known() []string {
	if s.key == "" {
		return AllKeys()
	}
	return keysOf(s.of, s.key+".", true)
}

func (s shape) below(raw any, at func(string) (shape, bool), expected string) []string {
	all, ok := raw.(map[string]any)
	if !ok {
		return s.said(fmt.Sprintf("%s, expected %s", kindOf(raw), expected))
	}
	var out []string
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		below, ok := at(name)
		if twin := seen[below.key]; ok && twin != "" {
			out = append(out, fmt.Sprintf("%s: is there as %q and as %q, expected one of them", below.key, twin, name))
			continue
		}
		if !ok {
			key := strings.TrimPrefix(s.key+"."+name, ".")
			out = append(out, fmt.Sprintf("%s: unknown key%s", key, nearest(key, s.known())))
			continue
		}
		seen[below.key] = name
		out = append(out, below.problems(all[name])...)
	}
	return out
}

// list takes one value for a list of one, as the decoder does.
func (s shape) list(raw any) []string {
	v := reflect.ValueOf(raw)
	if v.Kind() != reflect.Slice {
		return shape{key: s.key, of: s.of.Elem()}.problems(raw)
	}
	var out []string
	for i := range v.Len() {
		out = append(out, shape{key: fmt.Sprintf("%s[%d]", s.key, i), of: s.of.Elem()}.problems(v.Index(i).Interface())...)
	}
	return out
}

// kindOf says in plain words what came.
func kindOf(raw any) string {
	switch v := reflect.ValueOf(raw); v.Kind() {
	case reflect.Map:
		return "keys"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return fmt.Sprint(raw)
	case reflect.String:
		return fmt.Sprintf("%.100q", raw)
	}
	return fmt.Sprint(raw)
}

const (
	longest  = 100 * 365 * 24 * time.Hour
	shortest = time.Millisecond
	most     = 1 << 60 // so that sums of a few do not wrap
)

// checkDuration wants a time with its unit: a bare number would be nanoseconds.
func checkDuration(raw any) string {
	var d time.Duration
	switch v := raw.(type) {
	case time.Duration: // of a flag
		return ""
	case string:
		var err error
		if d, err = time.ParseDuration(v); err != nil {
			return fmt.Sprintf("%.100q: expected a duration such as 30s, 90m or 24h", v)
		}
	case int:
		if v != 0 {
			return fmt.Sprintf("%d: expected a duration with its unit, such as 30s, 90m or 24h", v)
		}
	default:
		return fmt.Sprintf("%s: expected a duration with its unit, such as 30s, 90m or 24h", kindOf(raw))
	}
	if d != 0 && (d.Abs() < shortest || d.Abs() > longest) {
		return fmt.Sprintf("%s: expected a duration from 1ms to 876000h (100 years)", d)
	}
	return ""
}

func checkBool(raw any) string {
	switch v := raw.(type) {
	case bool:
		return ""
	case string:
		if _, err := strconv.ParseBool(v); err == nil {
			return ""
		}
	case int:
		if v == 0 || v == 1 {
			return ""
		}
	}
	return kindOf(raw) + ": expected true or false"
}

// checkText refuses what is no text: 0123 would be 83 and a long number would
// lose its end. It does not repeat what came, which may be a secret.
func checkText(raw any) string {
	switch reflect.ValueOf(raw).Kind() {
	case reflect.String:
		return ""
	case reflect.Bool:
		return fmt.Sprintf("%v, expected text: put it in quotes", raw)
	case reflect.Map:
		return "keys below it, expected text"
	case reflect.Slice:
		return "a list, expected one text"
	}
	return "a number, expected text: put it in quotes"
}

// checkRate refuses what is no number of times: NaN is neither above a limit nor
// below it, so it would pass every check.
func checkRate(raw any) string {
	const expected = "expected a number such as 0.5 or 20"
	n := math.NaN()
	switch v := raw.(type) {
	case float64:
		n = v
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			n = f
		}
	default:
		if i, ok := integer(raw); ok {
			n = float64(i)
		}
	}
	if math.IsNaN(n) || math.Abs(n) > most {
		return kindOf(raw) + ": " + expected
	}
	return ""
}

// checkInteger takes whole numbers, and sizes where something is measured in
// bytes.
func checkInteger(raw any, count bool) string {
	expected := "expected a number of bytes such as 1048576 or 64MiB"
	if count {
		expected = "expected a whole number"
	}
	n, ok := integer(raw)
	if s, text := raw.(string); text {
		size, unit, err := bytesOf(s)
		n, ok = size, err == nil && !(unit && count)
	}
	if !ok || n > most || n < -most {
		return kindOf(raw) + ": " + expected
	}
	return ""
}

// integer is raw as a whole number, where it is one.
func integer(raw any) (int64, bool) {
	switch v := reflect.ValueOf(raw); {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint() & math.MaxInt64), v.Uint() <= math.MaxInt64
	case v.CanFloat(): // 1e6 is one, to YAML
		f := v.Float()
		return int64(f), f == math.Trunc(f) && math.Abs(f) <= 1<<53
	}
	return 0, false
}

// sizes are the units of a number of bytes.
var sizes = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// bytesOf reads a whole number, or one of KiB, MiB or GiB, always as decimals.
func bytesOf(s string) (n int64, unit bool, err error) {
	factor, digits := int64(1), s
	for _, size := range sizes {
		if cut, found := strings.CutSuffix(s, size.suffix); found {
			factor, digits, unit = size.bytes, strings.TrimSpace(cut), true
		}
	}
	n, err = strconv.ParseInt(digits, 10, 64)
	if err == nil && (n > math.MaxInt64/factor || n < math.MinInt64/factor) {
		err = strconv.ErrRange
	}
	return n * factor, unit, err
}
