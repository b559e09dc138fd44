// Reads lines of three base64 fields: a precertificate, the Precertificate Signing Certificate over it, and the
// TBSCertificate of its leaf. certificate-transparency-go has to make the third of the other two (RFC 6962 3.2).
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/google/certificate-transparency-go/x509"
)

func check(line string) error {
	var parts [3][]byte
	fields := strings.Fields(line)
	if len(fields) != len(parts) {
		return fmt.Errorf("%d fields", len(fields))
	}
	for i, field := range fields {
		data, err := base64.StdEncoding.DecodeString(field)
		if err != nil {
			return err
		}
		parts[i] = data
	}
	precertificate, err := x509.ParseCertificate(parts[0])
	if x509.IsFatal(err) {
		return err
	}
	signer, err := x509.ParseCertificate(parts[1])
	if x509.IsFatal(err) {
		return err
	}
	if err := precertificate.CheckSignatureFrom(signer); err != nil {
		return err
	}
	tbs, err := x509.BuildPrecertTBS(precertificate.RawTBSCertificate, signer)
	if err != nil {
		return err
	}
	if !bytes.Equal(tbs, parts[2]) {
		return fmt.Errorf("another TBSCertificate than the leaf has")
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	count := 0
	for ; lines.Scan(); count++ {
		if err := check(lines.Text()); err != nil {
			log.Fatalf("entry %d: %v", count, err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d entries\n", count)
}
