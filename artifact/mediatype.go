package artifact

// The media and artifact types of Oarlock. Other tools rely on them.
const (
	// TypePlugin is the artifactType of every plugin manifest and image index.
	TypePlugin = "application/vnd.oarlock.plugin.v1"
	// TypeConfig is the media type of a config blob that holds the plugin manifest.
	TypeConfig = "application/vnd.oarlock.plugin.config.v1+json"
	// TypeContent is the usual layer: a gzipped tar of the plugin's files.
	TypeContent = "application/vnd.oarlock.plugin.content.v1.tar+gzip"
	// TypeStatement is the artifactType of a signed statement.
	TypeStatement = "application/vnd.oarlock.statement.v1"
	// TypeLogProof is the artifactType of a proof of a publication log.
	TypeLogProof = "application/vnd.oarlock.log.proof.v1"
)

// The types of signatures and attestations in the wild.
const (
	// TypeSimpleSigning is the payload layer of a cosign signature.
	TypeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	// TypeCosignSignature is the artifactType of a cosign 2 signature kept as a referrer.
	TypeCosignSignature = "application/vnd.dev.cosign.artifact.sig.v1+json"
	// TypeBundle is a sigstore bundle, version 0.3.
	TypeBundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// TypeDSSE is a DSSE envelope.
	TypeDSSE = "application/vnd.dsse.envelope.v1+json"
)

// Limits that every room keeps.
const (
	// MaxManifest is the largest OCI manifest in bytes (OCI distribution-spec 1.1).
	MaxManifest = 4 << 20
	// MaxConfig is the largest config blob in bytes.
	MaxConfig = 1 << 20
)
