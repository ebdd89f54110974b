package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Sign sets the headers that say that body is ours: one signature for each
// secret, so that a receiver that knows either of two verifies it.
func Sign(h http.Header, id string, at time.Time, body []byte, secrets ...[]byte) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = "v1," + base64.StdEncoding.EncodeToString(mac(id, at, body, secret))
	}
	h.Set(HeaderSignature, strings.Join(texts, " "))
}

func mac(id string, at time.Time, body, secret []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	m.Write(body)
	return m.Sum(nil)
}
