package client

import "sync"

const (
	maxAnswers    = 64
	maxRemembered = 1 << 20 // bytes of one answer
)

// answers remembers the last answers by URL, the oldest dropped first.
type answers struct {
	mu    sync.Mutex
	byURL map[string]remembered
	order []string
}

type remembered struct {
	etag string
	body []byte
}

func (a *answers) get(url string) (remembered, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.byURL[url]
	return r, ok
}

func (a *answers) put(url, etag string, body []byte) {
	if len(body) > maxRemembered {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byURL == nil {
		a.byURL = map[string]remembered{}
	}
	if _, ok := a.byURL[url]; !ok {
		a.order = append(a.order, url)
	}
	a.byURL[url] = remembered{etag, body}
	for len(a.order) > maxAnswers {
		delete(a.byURL, a.order[0])
		a.order = a.order[1:]
	}
}
