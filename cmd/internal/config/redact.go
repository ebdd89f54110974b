package config

import (
	"reflect"
	"regexp"
)

// hiddenSecret stands where a secret was.
const hiddenSecret = "xxxxx"

var (
	// userinfo is what stands before the host of a URL. It is taken greedily,
	// because a password that is not escaped may hold "/" and "@".
	userinfo = regexp.MustCompile(`(://)([^\s":/@]*)(:[^\s"]*)?@`)
	// secretParameter is one in a query, or in the words of a database driver.
	secretParameter = regexp.MustCompile(`(?i)((?:^|[?&\s"])[a-z_.-]*(?:secret|passw|token|credential|signature|access_?key|api_?key)[a-z_.-]*=)[^&\s"]+`)
)

// redact hides the secrets in URLs, wherever in a text they stand: the values
// of a configuration, and the problems that quote them.
func redact(text string) string {
	text = userinfo.ReplaceAllStringFunc(text, func(found string) string {
		part := userinfo.FindStringSubmatch(found)
		if part[3] == "" { // a name alone may be a token
			return part[1] + hiddenSecret + "@"
		}
		return part[1] + part[2] + ":" + hiddenSecret + "@"
	})
	return secretParameter.ReplaceAllString(text, "${1}"+hiddenSecret)
}

// redactAll hides the secrets in every text below v, in place; slices are
// copied first.
func redactAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(redact(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			redactAll(v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range v.Len() {
			redactAll(v.Index(i))
		}
	}
}
