package quota

import (
	"testing"
	"testing/synctest"
)

// TestACommitWaitsForNoOther_B7: a commit that waits for the database, in a
// transaction or for a connection, holds up neither another commit nor a
// release, so that no two wait for each other; room that fits beside all of it
// is given, and room that does not is refused only when it is sure.
func TestACommitWaitsForNoOther_B7(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), newMemory()
		q := quotaOf(store, Limits{Bytes: 100})
		var rooms []*Reservation
		for range 3 {
			room, err := q.Reserve(ctx, "acme", 20, 0)
			if err != nil {
				t.Fatal(err)
			}
			rooms = append(rooms, room)
		}
		open, adding := make(chan struct{}), make(chan struct{}, 2)
		store.adding = func() { adding <- struct{}{}; <-open }
		committed := make(chan error, 2)
		for _, room := range rooms[:2] {
			go func() { committed <- room.Commit(ctx, 10, 0) }()
		}
		synctest.Wait()
		if len(adding) != 2 {
			t.Fatalf("%d of two commits reached the store", len(adding))
		}
		rooms[2].Release()
		fits, err := q.Reserve(ctx, "acme", 60, 0)
		if err != nil {
			t.Fatalf("room beside two commits: %v", err)
		}
		edge := make(chan error, 1)
		go func() { // 60 + 10 + 10 + 20 is all there is, once the two are done
			_, err := q.Reserve(ctx, "acme", 20, 0)
			edge <- err
		}()
		synctest.Wait()
		if len(edge) != 0 {
			t.Fatalf("refused while it was not known: %v", <-edge)
		}
		close(open)
		for range 2 {
			if err := <-committed; err != nil {
				t.Error(err)
			}
		}
		if err := <-edge; err != nil {
			t.Errorf("room at the edge: %v", err)
		}
		if _, err := q.Reserve(ctx, "acme", 1, 0); err == nil {
			t.Error("more than there is")
		}
		fits.Release()
	})
}
