package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certify makes a certificate authority for one day and a server's certificate for this machine. The authority's key is
// thrown away.
func certify(caFile, certFile, keyFile string) error {
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	ca := certificate(1, "Blinkdrive's test authority")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	server := certificate(2, "localhost")
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	caDER, err1 := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	serverDER, err2 := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), caKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(key)
	err := errors.Join(err1, err2, err3)
	if err == nil {
		err = errors.Join(
			writePEM(caFile, "CERTIFICATE", caDER),
			writePEM(certFile, "CERTIFICATE", serverDER),
			writePEM(keyFile, "PRIVATE KEY", keyDER),
		)
	}
	if err != nil {
		return fmt.Errorf("testenv: certificates: %w", err)
	}
	return nil
}

func certificate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
