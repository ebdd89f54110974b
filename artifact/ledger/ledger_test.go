package ledger_test

import (
	_ "crypto/sha512" // what a digest of another algorithm is made with
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func refOf(t testing.TB, s string) format.Ref {
	t.Helper()
	r, err := format.ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func first(t testing.TB) format.Statement {
	ref := refOf(t, "oarlock/publishers:acme")
	return format.Statement{Ledger: ref, Kind: format.PublisherClaimed, Sequence: 1, ID: "claim acme", Time: day,
		Actor: "person:ada", Role: format.RoleOwner, Subject: ref.Subject(), Body: json.RawMessage(`{"owner":"person:ada"}`)}
}

func TestALedgerIsNamedByPublisherOrPlugin_E1(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"oarlock/publishers:acme":                                    "oarlock/publishers:acme",
		"acme/hello:oarlock-state":                                   "acme/hello:oarlock-state",
		"127.0.0.1:5000/oarlock/publishers:acme":                     "oarlock/publishers:acme",
		"mirror.example.org/a/b/acme/hello:oarlock-state":            "acme/hello:oarlock-state",
		"acme/hello:1.0.0":                                           "",
		"oarlock/catalog:oarlock-state":                              "",
		"oarlock/publishers:A":                                       "",
		"acme/hello":                                                 "",
		"acme/hello:oarlock-state@sha256:" + strings.Repeat("0", 64): "",
		"hello:oarlock-state":                                        "",
	} {
		r, err := format.ParseRef(text)
		if r.String() != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: got %q, %v, want %q", text, r, err, want)
		}
	}
}

func TestAStatementTravelsWhole_E1(t *testing.T) {
	t.Parallel()
	s := first(t)
	raw, err := s.Payload()
	if err != nil {
		t.Fatal(err)
	}
	back, err := format.ParseStatement(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, *back, cmp.Comparer(func(a, b format.Ref) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Proves B6 for ledgers: what was signed reads the same to everybody.
func TestAStatementThatReadersUnderstandDifferentlyIsRefused_B6(t *testing.T) {
	t.Parallel()
	s := first(t)
	raw, err := s.Payload()
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string][2]string{
		"a kind twice":         {`"kind":`, `"kind":"member.set","kind":`},
		"Kind beside kind":     {`"kind":`, `"Kind":"member.set","kind":`},
		"a name of body twice": {`"owner":`, `"owner":"person:eve","owner":`},
	} {
		bad := strings.Replace(string(raw), change[0], change[1], 1)
		if bad == string(raw) {
			t.Fatalf("%s: %s has no %s", says, raw, change[0])
		}
		if _, err := format.ParseStatement([]byte(bad)); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "readers differ") {
			t.Errorf("%s: got %v", says, err)
		}
	}
	if _, err := format.ParseEnvelope([]byte(`{"payloadType":"a","payloadType":"b","payload":"","signatures":[]}`)); err == nil || !strings.Contains(err.Error(), "readers differ") {
		t.Errorf("an envelope with payloadType twice: got %v", err)
	}
}

func TestAStatementIsRefusedWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	for says, row := range map[string]struct {
		change func(*format.Statement)
		want   string
	}{
		"a kind of one word":               {func(s *format.Statement) { s.Kind = "claimed" }, "kind"},
		"a kind in capitals":               {func(s *format.Statement) { s.Kind = "Publisher.claimed" }, "kind"},
		"no ledger":                        {func(s *format.Statement) { s.Ledger = format.Ref{} }, "no ledger"},
		"sequence 0":                       {func(s *format.Statement) { s.Sequence = 0 }, "sequence 0"},
		"a first one with one before it":   {func(s *format.Statement) { s.Previous = s.Subject }, "previous"},
		"a second one with none before it": {func(s *format.Statement) { s.Sequence = 2 }, "previous"},
		"a subject without digest":         {func(s *format.Statement) { s.Subject = "" }, "subject"},
		"nobody did it":                    {func(s *format.Statement) { s.Actor = "" }, "actor"},
		"a line break in who did it":       {func(s *format.Statement) { s.Actor = "a\nb" }, "actor"},
		"no id":                            {func(s *format.Statement) { s.ID = "" }, "id"},
		"no time":                          {func(s *format.Statement) { s.Time = time.Time{} }, "time"},
		"a body that is a list":            {func(s *format.Statement) { s.Body = json.RawMessage("[]") }, "body"},
		"a body that is too large": {func(s *format.Statement) {
			s.Body = json.RawMessage(`{"x":"` + strings.Repeat("x", format.MaxBody) + `"}`)
		}, "body of"},
		"more statements than a ledger takes": {func(s *format.Statement) { s.Sequence, s.Previous = format.MaxStatements+1, s.Subject }, "sequence"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			s := first(t)
			row.change(&s)
			_, err := s.Payload()
			if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want invalid that says %q", err, row.want)
			}
		})
	}
}

func descriptor(n int) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypeStatement, Digest: digest.FromString(fmt.Sprint(n)), Size: 582}
}

// list is the ledger whose statements are the numbers given.
func list(t interface{ Fatal(...any) }, numbers ...int) *format.List {
	var all []ocispec.Descriptor
	for _, n := range numbers {
		all = append(all, descriptor(n))
	}
	raw, err := format.BuildList(all)
	if err != nil {
		t.Fatal(err)
	}
	l, err := format.ParseList(ocispec.MediaTypeImageIndex, raw)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAFullLedgerFitsIntoAManifest(t *testing.T) {
	t.Parallel()
	numbers := make([]int, format.MaxStatements)
	for i := range numbers {
		numbers[i] = i
	}
	l := list(t, numbers...)
	if len(l.Statements) != format.MaxStatements || l.Head().Sequence != format.MaxStatements {
		t.Errorf("%d statements, head %s", len(l.Statements), l.Head())
	}
	if _, err := format.BuildList(append(l.Statements, descriptor(-1))); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("one statement too many: %v, want a conflict", err)
	}
}

func TestAnUpdateExtendsOrSaysWhereItDoesNot_E1(t *testing.T) {
	t.Parallel()
	for says, row := range map[string]struct {
		old, new []int
		relation format.Relation
		want     string // part of the refusal; "" is taken
	}{
		"the same again":                {[]int{1, 2}, []int{1, 2}, format.Same, ""},
		"one more":                      {[]int{1, 2}, []int{1, 2, 3}, format.Longer, ""},
		"an older copy":                 {[]int{1, 2, 3}, []int{1, 2}, format.Shorter, "an older copy: it has the first 2 of the 3"},
		"another last one":              {[]int{1, 2}, []int{1, 3}, format.Forked, "forked at statement 2: here it is " + descriptor(2).Digest.String()},
		"a longer one that forked":      {[]int{1, 2}, []int{1, 3, 2}, format.Forked, "forked at statement 2"},
		"two that changed places":       {[]int{1, 2, 3}, []int{2, 1, 3}, format.Forked, "forked at statement 1"},
		"one in the middle is gone":     {[]int{1, 2, 3}, []int{1, 3}, format.Forked, "forked at statement 2"},
		"another ledger from its start": {[]int{1}, []int{2}, format.Forked, "forked at statement 1"},
	} {
		old, new := list(t, row.old...), list(t, row.new...)
		err := new.Extends(old)
		relation, _ := new.Compare(old)
		if relation != row.relation || (err == nil) != (row.want == "") {
			t.Errorf("%s: relation %d, %v", says, relation, err)
			continue
		}
		if err != nil && (!errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want a conflict that says %q", says, err, row.want)
		}
	}
}

// Extending is an order: reflexive, transitive, and never both ways for two
// lists that differ; a list contains every head of what it extends.
func TestExtendingIsAnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 1, 4, rapid.ID[int])
		a, b, c := list(t, numbers.Draw(t, "a")...), list(t, numbers.Draw(t, "b")...), list(t, numbers.Draw(t, "c")...)
		ab, bc := b.Extends(a) == nil, c.Extends(b) == nil
		if a.Extends(a) != nil {
			t.Fatal("a list does not extend itself")
		}
		if ab && bc && c.Extends(a) != nil {
			t.Fatal("extending is not transitive")
		}
		if ab && a.Extends(b) == nil && a.Digest != b.Digest {
			t.Fatal("two lists that differ extend each other")
		}
		relation := b.Contains(a.Head())
		if ab && relation != format.Same && relation != format.Longer {
			t.Fatalf("an extension does not contain the head: %d", relation)
		}
		back, err := format.ParseHead(a.Head().String())
		if err != nil || back != a.Head() {
			t.Fatalf("head %s: %v, %v", a.Head(), back, err)
		}
	})
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func([]ocispec.Descriptor) []ocispec.Descriptor{
		"an empty list":     func([]ocispec.Descriptor) []ocispec.Descriptor { return nil },
		"a statement twice": func(d []ocispec.Descriptor) []ocispec.Descriptor { return append(d, d[0]) },
		"an index as a statement": func(d []ocispec.Descriptor) []ocispec.Descriptor {
			d[1].MediaType = ocispec.MediaTypeImageIndex
			return d
		},
		"a digest that is not sha256": func(d []ocispec.Descriptor) []ocispec.Descriptor {
			d[1].Digest = digest.SHA512.FromString("")
			return d
		},
	} {
		raw, err := format.BuildList(change([]ocispec.Descriptor{descriptor(1), descriptor(2)}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := format.ParseList(ocispec.MediaTypeImageIndex, raw); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: got %v, want invalid", says, err)
		}
	}
	if _, err := format.ParseList(ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{"digest":"`+digest.FromString("").String()+`","size":0,"mediaType":"x"}}`)); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("an image manifest: got %v, want invalid", err)
	}
}

func FuzzParse(f *testing.F) {
	s := first(f)
	payload, err := s.Payload()
	if err != nil {
		f.Fatal(err)
	}
	envelope, err := (&format.Envelope{Payload: payload, Signatures: []format.Signature{{KeyID: "k", Sig: []byte("sig")}}}).Bytes()
	if err != nil {
		f.Fatal(err)
	}
	manifest, d, err := format.BuildManifest(envelope)
	if err != nil {
		f.Fatal(err)
	}
	index, err := format.BuildList([]ocispec.Descriptor{d})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{payload, envelope, manifest, index, []byte(`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[{}]}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		check := func(what string, err error) bool {
			if err != nil && !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%s: %v is no invalid", what, err)
			}
			return err == nil
		}
		if s, err := format.ParseStatement(raw); check("statement", err) {
			again, err := s.Payload()
			if err != nil {
				if len(raw) > format.MaxPayload/8 { // escapes may make it longer
					return
				}
				t.Fatalf("what was read cannot be written: %v", err)
			}
			if back, err := format.ParseStatement(again); err != nil || back.Sequence != s.Sequence || back.Ledger != s.Ledger {
				t.Fatalf("written and read again: %v, %v", back, err)
			}
		}
		if e, err := format.ParseEnvelope(raw); check("envelope", err) && len(e.Signatures) == 0 {
			t.Fatal("an envelope without signature was read")
		}
		for _, mediaType := range []string{"", ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest} {
			_, err := format.ParseManifest(mediaType, raw)
			check("manifest", err)
			if l, err := format.ParseList(mediaType, raw); check("list", err) && l.Extends(l) != nil {
				t.Fatal("a list does not extend itself")
			}
		}
		_, err := format.ParseHead(string(raw))
		check("head", err)
		_, err = format.ParseRef(string(raw))
		check("ref", err)
	})
}
