// Go's own transparency-log library checks what a running Chancery said. The file that CHANCERY_FACTS names holds a
// tree, proofs in it and signed notes; tests/e2e/test_log.py writes it.
package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type facts struct {
	Size      int64
	Root      []byte
	Inclusion []struct {
		Index int64
		Leaf  []byte
		Proof [][]byte
	}
	Consistency []struct {
		Size  int64
		Root  []byte
		Proof [][]byte
	}
	Notes []struct{ Note, Key string }
}

func read(t *testing.T) facts {
	path := os.Getenv("CHANCERY_FACTS")
	if path == "" {
		t.Fatal("CHANCERY_FACTS names no file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f facts
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func hash(t *testing.T, b []byte) tlog.Hash {
	var h tlog.Hash
	if copy(h[:], b) != tlog.HashSize || len(b) != tlog.HashSize {
		t.Fatalf("a hash has %d octets", len(b))
	}
	return h
}

func hashes(t *testing.T, proof [][]byte) []tlog.Hash {
	out := []tlog.Hash{}
	for _, b := range proof {
		out = append(out, hash(t, b))
	}
	return out
}

func TestInclusion(t *testing.T) {
	f := read(t)
	root := hash(t, f.Root)
	if len(f.Inclusion) == 0 {
		t.Fatal("no proofs")
	}
	for _, i := range f.Inclusion {
		proof := tlog.RecordProof(hashes(t, i.Proof))
		if err := tlog.CheckRecord(proof, f.Size, root, i.Index, tlog.RecordHash(i.Leaf)); err != nil {
			t.Errorf("index %d of %d: %v", i.Index, f.Size, err)
		}
		if tlog.CheckRecord(proof, f.Size, root, i.Index, tlog.RecordHash(append(i.Leaf, 0))) == nil {
			t.Errorf("index %d: a leaf that is not in the tree was proven", i.Index)
		}
	}
}

func TestConsistency(t *testing.T) {
	f := read(t)
	root := hash(t, f.Root)
	if len(f.Consistency) == 0 {
		t.Fatal("no proofs")
	}
	for _, c := range f.Consistency {
		proof := tlog.TreeProof(hashes(t, c.Proof))
		if err := tlog.CheckTree(proof, f.Size, root, c.Size, hash(t, c.Root)); err != nil {
			t.Errorf("%d to %d: %v", c.Size, f.Size, err)
		}
	}
}

func TestNotes(t *testing.T) {
	for _, n := range read(t).Notes {
		verifier, err := note.NewVerifier(n.Key)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := note.Open([]byte(n.Note), note.VerifierList(verifier))
		if err != nil {
			t.Fatalf("%s: %v", verifier.Name(), err)
		}
		if len(opened.Sigs) != 1 || !strings.HasPrefix(opened.Text, verifier.Name()+"\n") {
			t.Errorf("%s: signatures %v", verifier.Name(), opened.Sigs)
		}
		// A checkpoint's body is what tlog calls a tree, under another first line.
		_, rest, _ := strings.Cut(opened.Text, "\n")
		if _, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest)); err != nil {
			t.Errorf("%s: %v", verifier.Name(), err)
		}
	}
}
