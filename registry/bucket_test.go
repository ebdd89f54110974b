package registry_test

import (
	"bytes"
	"crypto/md5" // what an ETag is
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/registry/registrytest"
)

// A bucket is an S3 server in memory for what a registry asks about small
// objects. It believes every signature, so that a test can hold, refuse or
// change a request on its way, which a server that checks them cannot take.
type bucket struct {
	url string
	// careless ignores the conditions of a PUT, as old stores do; hasty looks at
	// them, and writes after a while without looking again.
	careless, hasty bool

	mu      sync.Mutex
	objects map[string]object
	waiting map[string]chan struct{}                      // who writes a key in haste, until another does
	parts   map[string][][]byte                           // of uploads, by key
	meet    func(http.ResponseWriter, *http.Request) bool // true: it was answered
}

type object struct {
	content  []byte
	modified time.Time
}

// together waits until two write one key at once, or for a second.
func (b *bucket) together(key string) {
	b.mu.Lock()
	other, waits := b.waiting[key]
	if waits {
		delete(b.waiting, key)
		close(other)
		b.mu.Unlock()
		return
	}
	if b.waiting == nil {
		b.waiting = map[string]chan struct{}{}
	}
	other = make(chan struct{})
	b.waiting[key] = other
	b.mu.Unlock()
	select {
	case <-other:
	case <-time.After(time.Second):
	}
}

func (o object) etag() string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(o.content))) }

func newBucket(t testing.TB) *bucket {
	b := &bucket{objects: map[string]object{}, parts: map[string][][]byte{}}
	s := httptest.NewServer(b)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	b.url = s.URL
	return b
}

// on keeps a registry in the bucket.
func (b *bucket) on(more ...any) registrytest.Option {
	parameters := map[string]any{
		"bucket": "oarlock", "region": "us-east-1", "regionendpoint": b.url, "forcepathstyle": true, "secure": false,
		"accesskey": "a", "secretkey": "b",
	}
	for i := 0; i < len(more); i += 2 {
		parameters[more[i].(string)] = more[i+1]
	}
	return registrytest.With(func(o *registrytest.Options) { o.Driver, o.Parameters = "s3", parameters })
}

// meets sets what is asked before a request is answered; nil asks nobody.
func (b *bucket) meets(fn func(http.ResponseWriter, *http.Request) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meet = fn
}

// holds holds the first request of that method whose path ends so: it says on
// there that it came, and goes on when the returned function is called.
func (b *bucket) holds(t testing.TB, method, suffix string) (there chan struct{}, release func()) {
	there, free := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	b.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) || first.Swap(true) {
			return false
		}
		close(there)
		<-free
		return false
	})
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	return there, release
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	meet := b.meet
	b.mu.Unlock()
	if meet != nil && meet(w, r) {
		return
	}
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/oarlock"), "/")
	if b.hasty && r.Method == http.MethodPut && b.fails(r, key) == 0 {
		if r.Header.Get("If-None-Match") != "" {
			b.together(key)
		}
		r.Header.Del("If-None-Match")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, there := b.objects[key]
	switch {
	case r.URL.Query().Has("uploads") || r.URL.Query().Has("uploadId"):
		b.partsLocked(w, r, key, body)
	case r.Header.Get("X-Amz-Copy-Source") != "":
		from, _ := url.PathUnescape(strings.TrimPrefix(r.Header.Get("X-Amz-Copy-Source"), "oarlock/"))
		if o, there = b.objects[from]; !there {
			fault(w, r, http.StatusNotFound, "NoSuchKey")
			return
		}
		b.objects[key] = object{o.content, time.Now().UTC()}
		io.WriteString(w, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
	case r.Method == http.MethodPut:
		if status := b.failsLocked(r, key); status != 0 {
			fault(w, r, status, "PreconditionFailed")
			return
		}
		o = object{body, time.Now().UTC()}
		b.objects[key] = o
		w.Header().Set("Etag", o.etag())
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && r.URL.Query().Has("delete"):
		b.deleteLocked(w, body)
	case r.URL.Query().Has("list-type"):
		b.listLocked(w, r)
	case !there:
		fault(w, r, http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("Etag", o.etag())
		http.ServeContent(w, r, "", o.modified, strings.NewReader(string(o.content)))
	}
}

// partsLocked takes an upload in parts; there is one at a time for each key.
func (b *bucket) partsLocked(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPut:
		b.parts[key] = append(b.parts[key], body)
		w.Header().Set("Etag", object{content: body}.etag())
	case r.Method == http.MethodDelete:
		delete(b.parts, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && q.Has("uploads"):
		b.parts[key] = [][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>oarlock</Bucket><Key>%s</Key><UploadId>one</UploadId></InitiateMultipartUploadResult>", key)
	case r.Method == http.MethodPost:
		b.objects[key] = object{bytes.Join(b.parts[key], nil), time.Now().UTC()}
		delete(b.parts, key)
		fmt.Fprintf(w, "<CompleteMultipartUploadResult><Key>%s</Key><ETag>e</ETag></CompleteMultipartUploadResult>", key)
	case q.Has("uploads"):
		io.WriteString(w, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>")
		for at := range b.parts {
			if strings.HasPrefix(at, q.Get("prefix")) {
				fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>one</UploadId></Upload>", at)
			}
		}
		io.WriteString(w, "</ListMultipartUploadsResult>")
	default:
		io.WriteString(w, "<ListPartsResult><IsTruncated>false</IsTruncated>")
		for n, part := range b.parts[key] {
			fmt.Fprintf(w, "<Part><PartNumber>%d</PartNumber><Size>%d</Size><ETag>e</ETag></Part>", n+1, len(part))
		}
		io.WriteString(w, "</ListPartsResult>")
	}
}

func fault(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as told</Message></Error>", code)
	}
}

func (b *bucket) fails(r *http.Request, key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failsLocked(r, key)
}

// failsLocked is the status of a condition that does not hold, or 0.
func (b *bucket) failsLocked(r *http.Request, key string) int {
	o, there := b.objects[key]
	is, not := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case b.careless:
		return 0
	case not == "*" && there, is != "" && there && is != o.etag():
		return http.StatusPreconditionFailed
	case is != "" && !there:
		return http.StatusNotFound
	}
	return 0
}

func (b *bucket) deleteLocked(w http.ResponseWriter, body []byte) {
	var asked struct{ Object []struct{ Key string } }
	if err := xml.Unmarshal(body, &asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, o := range asked.Object {
		delete(b.objects, o.Key)
	}
	io.WriteString(w, "<DeleteResult></DeleteResult>")
}

func (b *bucket) listLocked(w http.ResponseWriter, r *http.Request) {
	prefix, delimiter := r.URL.Query().Get("prefix"), r.URL.Query().Get("delimiter")
	type contents struct {
		Key          string
		LastModified string
		Size         int
	}
	type common struct{ Prefix string }
	var list struct {
		XMLName        xml.Name `xml:"ListBucketResult"`
		Contents       []contents
		CommonPrefixes []common
		KeyCount       int
		IsTruncated    bool
	}
	for key, o := range b.objects {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			if c := (common{prefix + rest[:i+1]}); !slices.Contains(list.CommonPrefixes, c) {
				list.CommonPrefixes = append(list.CommonPrefixes, c)
			}
			continue
		}
		list.Contents = append(list.Contents, contents{key, o.modified.Format(time.RFC3339), len(o.content)})
	}
	if most, err := strconv.Atoi(r.URL.Query().Get("max-keys")); err == nil && most < len(list.Contents) {
		slices.SortFunc(list.Contents, func(a, b contents) int { return strings.Compare(a.Key, b.Key) })
		list.Contents = list.Contents[:most]
	}
	list.KeyCount = len(list.Contents) + len(list.CommonPrefixes)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(list)
}
