package api

import (
	"fmt"
	"maps"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
)

// formats are huma's, with bodies held to what can be kept and to what every
// reader takes alike: JSON can write a NUL character, and no text here has one;
// and a key that comes twice, or in two cases, would have one value checked
// against the schema and another one done.
func formats() map[string]huma.Format {
	all := maps.Clone(huma.DefaultFormats)
	for name, f := range all {
		read := f.Unmarshal
		f.Unmarshal = func(data []byte, v any) error {
			if hasNUL(data) {
				return fmt.Errorf(`a text in the body holds a NUL character (\u0000): leave it out`)
			}
			if err := read(data, v); err != nil {
				return err
			}
			if err := artifact.CheckStrict(data, v); err != nil {
				return err
			}
			return artifact.CheckCharacters(data)
		}
		all[name] = f
	}
	return all
}

// hasNUL finds the escape of NUL in JSON. A backslash escapes what follows it,
// itself too; a NUL that is not escaped is no JSON.
func hasNUL(data []byte) bool {
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++
		if data[i] == 'u' && i+4 < len(data) && string(data[i+1:i+5]) == "0000" {
			return true
		}
	}
	return false
}
