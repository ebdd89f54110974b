package license

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/entitlement"
)

var may = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// seller is a key that is the same each time.
func seller(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), ed25519.SeedSize)))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func someRoots() Roots {
	return Roots{Site: "https://plugins.example.org", Issuers: []Issuer{
		{Name: "acme-sales", Keys: []ed25519.PublicKey{public(seller(1)), public(seller(2))}, Sells: []string{"acme"}},
		{Name: "other-sales", Keys: []ed25519.PublicKey{public(seller(3))}, Sells: []string{"*"}},
	}}
}

func someDraft() Draft {
	return Draft{
		License: entitlement.License{
			Terms:  entitlement.Terms{ID: "L-1", Type: entitlement.Subscription, From: may, Until: may.AddDate(1, 0, 0), GraceUntil: may.AddDate(1, 0, 14), OnExpiry: entitlement.Fallback},
			Grants: entitlement.Grants{Plugins: []string{"acme/paid"}, Publishers: []string{"acme"}, Tiers: []string{"pro"}},
			Issuer: "acme-sales", Tenant: "north", Seats: 5, SeatsBy: entitlement.ByUser,
		},
		Site: "https://plugins.example.org", IssuedAt: may,
	}
}

// TestALicenseIsReadAsItWasIssued_I5: by any of its issuer's keys.
func TestALicenseIsReadAsItWasIssued_I5(t *testing.T) {
	t.Parallel()
	for _, key := range []ed25519.PrivateKey{seller(1), seller(2)} {
		text, err := Issue(key, someDraft())
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(" "+text+"\n", someRoots())
		if err != nil {
			t.Fatal(err)
		}
		want := someDraft().License
		want.Sells = []string{"acme"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("licence (-want +got):\n%s", diff)
		}
	}
	made, err := Issue(seller(1), func() Draft { d := someDraft(); d.ID = ""; return d }())
	if err != nil {
		t.Fatal(err)
	}
	if l, err := Read(made, someRoots()); err != nil || len(l.ID) != 20 {
		t.Errorf("an id that is made: %q, %v", l.ID, err)
	}
}

// TestWhatIsNoLicenseIsNotIssued_I5: what could not be imported is not signed.
func TestWhatIsNoLicenseIsNotIssued_I5(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(d *Draft){
		"no tenant":                     func(d *Draft) { d.Tenant = "" },
		"a tenant that is none":         func(d *Draft) { d.Tenant = "North" },
		"no issuer":                     func(d *Draft) { d.Issuer = "" },
		"no site":                       func(d *Draft) { d.Site = "" },
		"an id with a slash":            func(d *Draft) { d.ID = "a/b" },
		"no time of issue":              func(d *Draft) { d.IssuedAt = time.Time{} },
		"a subscription without an end": func(d *Draft) { d.Until, d.GraceUntil = time.Time{}, time.Time{} },
		"a perpetual one with an end":   func(d *Draft) { d.Type = entitlement.Perpetual },
		"a type that is none":           func(d *Draft) { d.Type = "gift" },
		"an end that means nothing":     func(d *Draft) { d.OnExpiry = "" },
		"an end before the beginning":   func(d *Draft) { d.From = d.Until },
		"a grace before the end":        func(d *Draft) { d.GraceUntil = d.Until.Add(-time.Second) },
		"a grace without an end":        func(d *Draft) { d.Type, d.Until = entitlement.Perpetual, time.Time{} },
		"nothing granted":               func(d *Draft) { d.Grants = entitlement.Grants{} },
		"a plugin that is none":         func(d *Draft) { d.Plugins = []string{"acme"} },
		"a plugin twice":                func(d *Draft) { d.Plugins = []string{"acme/paid", "acme/paid"} },
		"a publisher that is none":      func(d *Draft) { d.Publishers = []string{"acme/paid"} },
		"seats below zero":              func(d *Draft) { d.Seats = -1 },
		"seats by nobody":               func(d *Draft) { d.SeatsBy = "room" },
		"too many plugins":              func(d *Draft) { d.Plugins = make([]string, maxListed+1) },
		"a time before 1970":            func(d *Draft) { d.From = time.Unix(-5, 0) },
	} {
		d := someDraft()
		spoil(&d)
		if text, err := Issue(seller(1), d); err == nil {
			t.Errorf("%s: it was signed: %s", name, text)
		}
	}
	if _, err := Issue(nil, someDraft()); err == nil {
		t.Error("it was signed without a key")
	}
}

func segment(v any) string {
	raw, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		raw = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// forged signs any header and payload.
func forged(key ed25519.PrivateKey, header, payload any) string {
	signed := segment(header) + "." + segment(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
}

// payload is that of someDraft, with changes; nil takes a claim away.
func payload(changes map[string]any) map[string]any {
	text, err := Issue(seller(1), someDraft())
	if err != nil {
		panic(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// TestAForgedLicenseIsRefused_I5: each way to have a site take what nobody sold,
// with a code of its own kind.
func TestAForgedLicenseIsRefused_I5(t *testing.T) {
	t.Parallel()
	good := map[string]any{"alg": "EdDSA", "typ": TypeLicense}
	with := func(more map[string]any) map[string]any { h := maps.Clone(good); maps.Copy(h, more); return h }
	whole := forged(seller(1), good, payload(nil))
	if _, err := Read(whole, someRoots()); err != nil {
		t.Fatalf("the whole one: %v", err)
	}
	parts := strings.Split(whole, ".")
	mac := hmac.New(sha256.New, public(seller(1)))
	hs := segment(with(map[string]any{"alg": "HS256"})) + "." + segment(payload(nil))
	mac.Write([]byte(hs))
	list, err := IssueRevocations(seller(1), Revocations{Issuer: "acme-sales", Site: someRoots().Site, Number: 1, IssuedAt: may})
	if err != nil {
		t.Fatal(err)
	}
	const bad, unverified, elsewhere = index.CodeLicenseMalformed, index.CodeLicenseUnverified, index.CodeLicenseElsewhere
	for name, row := range map[string]struct{ text, code string }{
		"nothing":                         {"", bad},
		"one word":                        {"licence", bad},
		"two parts":                       {parts[0] + "." + parts[1], bad},
		"no signature":                    {parts[0] + "." + parts[1] + ".", bad},
		"JSON instead of compact form":    {`{"payload":"","signatures":[]}`, bad},
		"padding":                         {parts[0] + "." + parts[1] + "=." + parts[2], bad},
		"huge":                            {strings.Repeat("a", maxDocument+1), bad},
		"alg none":                        {segment(with(map[string]any{"alg": "none"})) + "." + parts[1] + "." + parts[2], unverified},
		"alg none without a signature":    {segment(with(map[string]any{"alg": "none"})) + "." + parts[1] + ".", bad},
		"the public key as that of a MAC": {hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), unverified},
		"another alg":                     {forged(seller(1), with(map[string]any{"alg": "ES256"}), payload(nil)), unverified},
		"no alg":                          {forged(seller(1), map[string]any{"typ": TypeLicense}, payload(nil)), unverified},
		"typ JWT":                         {forged(seller(1), with(map[string]any{"typ": "JWT"}), payload(nil)), bad},
		"no typ":                          {forged(seller(1), map[string]any{"alg": "EdDSA"}, payload(nil)), bad},
		"a list of revocations":           {list, bad},
		"a crit that is not known":        {forged(seller(1), with(map[string]any{"crit": []string{"seats2"}, "seats2": 1}), payload(nil)), bad},
		"an empty crit":                   {forged(seller(1), with(map[string]any{"crit": []string{}}), payload(nil)), bad},
		"a payload that is not encoded":   {forged(seller(1), with(map[string]any{"b64": false, "crit": []string{"b64"}}), payload(nil)), bad},
		"a key that comes with it": {forged(seller(4), with(map[string]any{"jwk": map[string]string{"kty": "OKP", "crv": "Ed25519",
			"x": base64.RawURLEncoding.EncodeToString(public(seller(4)))}}), payload(nil)), bad},
		"the address of a key":       {forged(seller(4), with(map[string]any{"jku": "https://evil.example"}), payload(nil)), bad},
		"a header with a key twice":  {forged(seller(1), `{"alg":"none","alg":"EdDSA","typ":"`+TypeLicense+`"}`, payload(nil)), bad},
		"a header in capitals":       {forged(seller(1), `{"ALG":"EdDSA","typ":"`+TypeLicense+`"}`, payload(nil)), bad},
		"another key":                {forged(seller(4), good, payload(nil)), unverified},
		"the key of another issuer":  {forged(seller(3), good, payload(nil)), unverified},
		"an issuer nobody knows":     {forged(seller(1), good, payload(map[string]any{"iss": "evil"})), unverified},
		"no issuer":                  {forged(seller(1), good, payload(map[string]any{"iss": nil})), unverified},
		"another payload":            {parts[0] + "." + segment(payload(map[string]any{"seats": 500})) + "." + parts[2], unverified},
		"another site":               {forged(seller(1), good, payload(map[string]any{"aud": "https://elsewhere.example"})), elsewhere},
		"no site":                    {forged(seller(1), good, payload(map[string]any{"aud": nil})), elsewhere},
		"many sites":                 {forged(seller(1), good, payload(map[string]any{"aud": []string{someRoots().Site}})), bad},
		"no tenant":                  {forged(seller(1), good, payload(map[string]any{"sub": nil})), bad},
		"no id":                      {forged(seller(1), good, payload(map[string]any{"jti": nil})), bad},
		"a claim that is not known":  {forged(seller(1), good, payload(map[string]any{"cores": 4})), bad},
		"a grant that is not known":  {forged(seller(1), good, payload(map[string]any{"grants": map[string]any{"everything": true}})), bad},
		"a claim twice":              {forged(seller(1), good, strings.Replace(payloadText(nil), `"seats":5`, `"seats":5,"seats":500`, 1)), bad},
		"a claim in capitals":        {forged(seller(1), good, strings.Replace(payloadText(nil), `"seats":5`, `"Seats":500`, 1)), bad},
		"two payloads":               {forged(seller(1), good, payloadText(nil)+payloadText(nil)), bad},
		"an end that is text":        {forged(seller(1), good, payload(map[string]any{"exp": "2030-01-01"})), bad},
		"an end with a fraction":     {forged(seller(1), good, payload(map[string]any{"exp": 1893456000.5})), bad},
		"an end beyond all calendar": {forged(seller(1), good, payload(map[string]any{"exp": int64(1) << 60, "grace_until": nil})), bad},
	} {
		_, err := Read(row.text, someRoots())
		var p *index.Problem
		if !errors.As(err, &p) || p.Code != row.code || p.Detail == "" || len(p.Fixes) == 0 {
			t.Errorf("%s: %v, expected %s", name, err, row.code)
		}
	}
	if _, err := Read(whole, Roots{Issuers: someRoots().Issuers}); err == nil {
		t.Error("a site without a name took a licence")
	}
}

func payloadText(changes map[string]any) string {
	raw, err := json.Marshal(payload(changes))
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// TestRevocationsAreReadAsTheyWereIssued_I5: and a licence is none.
func TestRevocationsAreReadAsTheyWereIssued_I5(t *testing.T) {
	t.Parallel()
	want := Revocations{Issuer: "acme-sales", Site: someRoots().Site, Number: 7, IssuedAt: may, IDs: []string{"L-1", "L-2"}}
	text, err := IssueRevocations(seller(1), want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadRevocations(text, someRoots())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	license, err := Issue(seller(1), someDraft())
	if err != nil {
		t.Fatal(err)
	}
	head := map[string]any{"alg": "EdDSA", "typ": TypeRevocations}
	claims := func(number any, revoked any) map[string]any {
		return map[string]any{"iss": "acme-sales", "aud": someRoots().Site, "number": number, "iat": may.Unix(), "revoked": revoked}
	}
	for name, text := range map[string]string{
		"a licence":         license,
		"no number":         forged(seller(1), head, claims(0, []string{})),
		"another's key":     forged(seller(3), head, claims(1, []string{})),
		"an id that is odd": forged(seller(1), head, claims(1, []string{"a b"})),
		"an id twice":       forged(seller(1), head, claims(1, []string{"a", "a"})),
	} {
		if _, err := ReadRevocations(text, someRoots()); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}

// FuzzDocuments: no text makes a reader panic, and what is read was signed.
func FuzzDocuments(f *testing.F) {
	whole, err := Issue(seller(1), someDraft())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(forged(seller(4), map[string]any{"alg": "none", "typ": TypeLicense}, payload(nil)))
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := Read(text, someRoots()); err == nil && (strings.TrimSpace(text) != whole || l.ID != "L-1") {
			t.Errorf("%q was read", text)
		}
		_, _ = ReadRevocations(text, someRoots())
	})
}
