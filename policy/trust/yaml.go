package trust

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/oarlock/oarlock/artifact"
)

// What a policy may hold at most. The decoder compares each key of a mapping
// with each other one, so that the time grows with the square of the keys, and
// so does what it says about keys that come twice.
const (
	maxMappingKeys  = 10_000
	maxYAMLProblems = 16
)

// keysOf is keyProblems of the first document of text. What is not YAML has
// none: the decoder says what is wrong with it.
func keysOf(text []byte) []artifact.Problem {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil {
		return nil
	}
	return keyProblems(&root)
}

// keyProblems tells the keys of n and below that come twice in one mapping,
// the first of them, and the mappings that are too large. It visits each
// node once: aliases are not followed, what they lead to is in the text too.
func keyProblems(n *yaml.Node) []artifact.Problem {
	var problems []artifact.Problem
	say := func(line int, format string, args ...any) {
		problems = append(problems, artifact.Problem{Place: "yaml", Detail: fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)})
	}
	for todo := []*yaml.Node{n}; len(todo) > 0 && len(problems) < maxYAMLProblems; {
		n, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if n.Kind == yaml.MappingNode {
			if keys := len(n.Content) / 2; keys > maxMappingKeys {
				say(n.Line, "%d keys in one mapping, expected at most %d", keys, maxMappingKeys)
				continue
			}
			for _, twice := range doubled(n, maxYAMLProblems-len(problems)) {
				say(twice.Line, "the key %.80q is there already", twice.Value)
			}
		}
		for i := len(n.Content) - 1; i >= 0; i-- {
			todo = append(todo, n.Content[i])
		}
	}
	return problems
}

// doubled is the keys of a mapping that were there before, at most most.
func doubled(mapping *yaml.Node, most int) []*yaml.Node {
	type key struct {
		kind  yaml.Kind
		value string
	}
	seen := map[key]bool{}
	var twice []*yaml.Node
	for i := 0; i < len(mapping.Content) && len(twice) < most; i += 2 {
		n := mapping.Content[i]
		k := key{n.Kind, n.Value}
		if seen[k] {
			twice = append(twice, n)
		}
		seen[k] = true
	}
	return twice
}

// What the YAML library says of a value that does not fit, in Go's words.
var (
	unfit   = regexp.MustCompile("^(line \\d+): cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
	unknown = regexp.MustCompile(`^(line \d+): field (.*) not found in type .*$`)
)

// expectedOf is what a Go type is in a policy, for people.
var expectedOf = map[string]string{
	"string": "a text", "bool": "true or false", "int": "a whole number", "[]string": "a list of texts",
	"trust.namespaceText": "a mapping, with keys such as signature: and signers:", "[]trust.signerText": "a list of signers, each with name: and key:, keys: or identity:",
	"[]trust.attestationText": "a list of attestations, each with type:", "trust.keyText": "a mapping with pem: or file:", "[]trust.keysText": "a list of keys, each with pem: or file:",
	"trust.identityText": "a mapping with issuer: and subject:", "[]trust.fileRef": "a list of mappings with file:", "trust.fileText": "a mapping, with namespaces: in it",
	"map[string]*trust.namespaceText": "a mapping from publishers to what is asked of them",
}

// inYAMLWords is what the YAML library says without the types of this program.
func inYAMLWords(said string) string {
	if m := unknown.FindStringSubmatch(said); m != nil {
		return fmt.Sprintf("%s: unknown key %q", m[1], m[2])
	}
	m := unfit.FindStringSubmatch(said)
	if m == nil {
		return said
	}
	what := map[string]string{"seq": "a list", "map": "a mapping", "null": "nothing"}[m[2]]
	if what == "" {
		what = fmt.Sprintf("%q", m[3])
	}
	expected := expectedOf[strings.TrimPrefix(m[4], "*")]
	if expected == "" {
		expected = "something else"
	}
	return fmt.Sprintf("%s: %s, expected %s", m[1], what, expected)
}
