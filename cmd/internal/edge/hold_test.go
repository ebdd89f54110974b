package edge

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAHeldRequestGivesItsPlaceToOthers_I6: of a server that answers one request at
// once, while it holds another back.
func TestAHeldRequestGivesItsPlaceToOthers_I6(t *testing.T) {
	t.Parallel()
	room := NewRoom(1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	held, wake := make(chan bool), make(chan bool)
	poll := room.Holdable(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resume := Hold(r.Context())
		held <- true
		<-wake
		resume()
		w.WriteHeader(http.StatusNoContent)
	}))
	other := room.Limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		second := httptest.NewRecorder()
		if poll.ServeHTTP(second, httptest.NewRequest("GET", "/", nil)); second.Code != http.StatusServiceUnavailable {
			t.Errorf("beside one that is answered, another is answered %d", second.Code)
		}
		w.WriteHeader(http.StatusOK)
	}))
	first, ended := httptest.NewRecorder(), make(chan bool)
	go func() {
		poll.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
		ended <- true
	}()
	<-held
	beside := httptest.NewRecorder()
	if other.ServeHTTP(beside, httptest.NewRequest("GET", "/", nil)); beside.Code != http.StatusOK {
		t.Errorf("while one is held back, another is answered %d", beside.Code)
	}
	wake <- true
	if <-ended; first.Code != http.StatusNoContent {
		t.Errorf("the one that was held back is answered %d", first.Code)
	}
	if after := httptest.NewRecorder(); len(room.places) != 0 {
		t.Errorf("%d places are taken for good: %v", len(room.places), after)
	}
}
