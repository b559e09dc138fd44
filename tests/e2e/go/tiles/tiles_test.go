// Clients that we did not write read both logs of a running Chancery, over HTTP and as the files of `chancery log
// export`: sunlight's client, tessera's fsck and certificate-transparency-go. The file that CHANCERY_TILES names says
// where; tests/e2e/test_tiles.py writes it.
package tiles

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/sunlight"
	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

type log struct {
	URL, Files, Origin string
}

type facts struct {
	Certificates, Events log
	Key                  []byte // of the certificates log: SubjectPublicKeyInfo
	NoteKey              string // of the events log: a verifier key
	Size                 int64  // at least
	SCTs                 [][]byte
}

func read(t *testing.T) facts {
	path := os.Getenv("CHANCERY_TILES")
	if path == "" {
		t.Fatal("CHANCERY_TILES names no file")
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

func key(t *testing.T, f facts) crypto.PublicKey {
	key, err := x509.ParsePKIXPublicKey(f.Key)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Each of the two ways to the tiles.
func prefixes(l log) map[string]string {
	return map[string]string{"HTTP": l.URL + "/", "files": "file://" + l.Files}
}

func TestSunlight(t *testing.T) {
	f, ctx := read(t), context.Background()
	for name, prefix := range prefixes(f.Certificates) {
		t.Run(name, func(t *testing.T) {
			c, err := sunlight.NewClient(&sunlight.ClientConfig{
				MonitoringPrefix: prefix, PublicKey: key(t, f), UserAgent: "test@chancery.example"})
			if err != nil {
				t.Fatal(err)
			}
			checkpoint, _, err := c.Checkpoint(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if checkpoint.Origin != f.Certificates.Origin || checkpoint.N < f.Size {
				t.Fatalf("a checkpoint of %s with %d entries", checkpoint.Origin, checkpoint.N)
			}
			next, issuers := int64(0), map[[32]byte]bool{}
			// It stops before a partial tile, to be asked again.
			for next < checkpoint.N {
				from := next
				for index, entry := range c.Entries(ctx, checkpoint.Tree, from) {
					if index != next || entry.LeafIndex != index || !entry.IsPrecert {
						t.Fatalf("entry %d: %d, %d", next, index, entry.LeafIndex)
					}
					for _, fingerprint := range entry.ChainFingerprints {
						issuers[fingerprint] = true
					}
					if _, err := entry.TrimmedEntry(); err != nil {
						t.Fatalf("entry %d: %v", index, err)
					}
					next++
				}
				if err := c.Err(); err != nil {
					t.Fatal(err)
				}
				if next == from {
					t.Fatalf("no entries from %d on", from)
				}
			}
			if len(issuers) == 0 {
				t.Fatal("no issuers")
			}
			for fingerprint := range issuers {
				if _, err := c.Issuer(ctx, fingerprint); err != nil {
					t.Error(err)
				}
			}
			for _, sct := range f.SCTs {
				if _, _, err := c.CheckInclusion(ctx, checkpoint.Tree, sct); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestSunlightReadsNames(t *testing.T) {
	f, ctx := read(t), context.Background()
	asked := 0
	counting := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/tile/names/") {
			asked++
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	c, err := sunlight.NewClient(&sunlight.ClientConfig{MonitoringPrefix: f.Certificates.URL + "/", PublicKey: key(t, f),
		UserAgent: "test@chancery.example", HTTPClient: counting})
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	for index, entry := range c.UnauthenticatedTrimmedEntries(ctx, 0, f.Size) {
		if index != next || entry.Timestamp == 0 {
			t.Fatalf("entry %d: %d, %v", next, index, entry)
		}
		next++
	}
	if err := c.Err(); err != nil || next != f.Size || asked == 0 {
		t.Fatalf("%d names, %d names tiles asked for: %v", next, asked, err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tlog-tiles: the hash of each entry of a bundle.
func hashBundle(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// static-ct-api: the same of a data tile, as sunlight reads it.
func hashData(tile []byte) ([][]byte, error) {
	var hashes [][]byte
	for len(tile) > 0 {
		entry, rest, err := sunlight.ReadTileLeaf(tile)
		if err != nil {
			return nil, err
		}
		hashes, tile = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry.MerkleTreeLeaf())), rest
	}
	return hashes, nil
}

// A fetcher of data tiles where tessera asks for entry bundles.
type dataTiles struct {
	fsck.Fetcher
	read func(path string) ([]byte, error)
}

func (d dataTiles) ReadEntryBundle(_ context.Context, i uint64, p uint8) ([]byte, error) {
	return d.read("tile/data/" + layout.NWithSuffix(0, i, p))
}

// What is at a path below the prefix.
func reader(prefix string) func(path string) ([]byte, error) {
	if files, ok := strings.CutPrefix(prefix, "file://"); ok {
		return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(files, path)) }
	}
	return func(path string) ([]byte, error) {
		answer, err := http.Get(prefix + path)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", path, answer.Status)
		}
		return io.ReadAll(answer.Body)
	}
}

func TestTesseraFsck(t *testing.T) {
	f := read(t)
	events, err := note.NewVerifier(f.NoteKey)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := fnote.RFC6962VerifierString(f.Certificates.Origin, key(t, f))
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := fnote.NewRFC6962Verifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		log      log
		verifier note.Verifier
		data     bool
	}{{"certificates", f.Certificates, certificates, true}, {"events", f.Events, events, false}} {
		for way, prefix := range prefixes(c.log) {
			t.Run(c.name+" "+way, func(t *testing.T) {
				source, hash := fetcher(t, prefix), hashBundle
				if c.data {
					source, hash = dataTiles{source, reader(prefix)}, hashData
				}
				if err := fsck.New(c.log.Origin, c.verifier, source, hash, fsck.Opts{N: 2}).Check(context.Background()); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func fetcher(t *testing.T, prefix string) fsck.Fetcher {
	where, err := url.Parse(prefix)
	if err != nil {
		t.Fatal(err)
	}
	if where.Scheme == "file" {
		return &tclient.FileFetcher{Root: where.Path}
	}
	source, err := tclient.NewHTTPFetcher(where, nil)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestCertificateTransparencyGo(t *testing.T) {
	f, ctx := read(t), context.Background()
	c, err := client.New(f.Certificates.URL, http.DefaultClient, jsonclient.Options{PublicKeyDER: f.Key})
	if err != nil {
		t.Fatal(err)
	}
	sth, err := c.GetSTH(ctx) // verified with the key
	if err != nil {
		t.Fatal(err)
	}
	size := int64(sth.TreeSize)
	entries, err := c.GetEntries(ctx, 0, size) // one more than there is, as rekor-monitor asks
	if err != nil || int64(len(entries)) != size {
		t.Fatalf("%d of %d entries: %v", len(entries), size, err)
	}
	for i, entry := range entries {
		if entry.Precert == nil || len(entry.Chain) < 2 {
			t.Fatalf("entry %d has no precertificate with a chain", i)
		}
	}
	roots, err := c.GetAcceptedRoots(ctx)
	if err != nil || len(roots) != 1 || string(roots[0].Data) != string(entries[0].Chain[len(entries[0].Chain)-1].Data) {
		t.Fatalf("%d roots: %v", len(roots), err)
	}
	raw, err := c.GetRawEntries(ctx, size/2, size/2)
	if err != nil {
		t.Fatal(err)
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(raw.Entries[0].LeafInput)
	found, err := c.GetProofByHash(ctx, leaf, sth.TreeSize)
	if err != nil || found.LeafIndex != size/2 {
		t.Fatal(found, err)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(size/2), sth.TreeSize, leaf, found.AuditPath, sth.SHA256RootHash[:]); err != nil {
		t.Fatal(err)
	}
	growth, err := c.GetSTHConsistency(ctx, sth.TreeSize, sth.TreeSize)
	if err != nil || len(growth) != 0 {
		t.Fatal(growth, err)
	}
	if _, err := c.AddPreChain(ctx, []ct.ASN1Cert{{Data: entries[0].Precert.Submitted.Data}}); err == nil {
		t.Fatal("it took a submission")
	}
}
