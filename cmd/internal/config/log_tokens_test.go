package config

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index/auth"
)

// Proves B7: no log line has the secret of a token, wherever in it that came.
func TestALogHidesTokens_B7(t *testing.T) {
	t.Parallel()
	token := auth.GenerateToken()
	secret := token[16:]
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := Log{Level: "debug", Format: format}.Logger(&out)
		log.Info("came with "+token, "path", "/api/v1/tokens/"+token, "err", errors.New("GET /x?token="+token), "cut", token[:40],
			"any", []string{token}, slog.Group("g", "inner", token))
		log.With("with", token).Warn("later")
		if s := out.String(); strings.Contains(s, secret[:24]) || strings.Count(s, token[:16]) != 7 {
			t.Errorf("%s: %s", format, s)
		}
		out.Reset()
		plain := "/v2/acme/oar_sound_pack/blobs/roar_0123456789abcdef"
		if log.Info("request", "path", plain); !strings.Contains(out.String(), plain) {
			t.Errorf("%s: what is no token is hidden: %s", format, &out)
		}
	}
}
