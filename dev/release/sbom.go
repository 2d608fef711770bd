package release

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// billsOfMaterials writes beside each archive what is in its binary, as CycloneDX, read from the binary itself. Neither
// a serial number nor a time is in it: both would make it differ from the next one made of the same sources.
func (r run) billsOfMaterials(built []binary) error {
	for _, b := range built {
		if err := r.writeBill(b); err != nil {
			return fmt.Errorf("listing what is in %s for %s: %w", b.program, b.platform, err)
		}
	}
	return nil
}

func (r run) writeBill(b binary) (err error) {
	bom, err := b.bill(r.Version)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(r.files, r.stem(b)+".cdx.json"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Scanners know 1.6; the library's newest version is ahead of them.
	return cdx.NewBOMEncoder(file, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
}

// bill lists the modules that Go recorded in the binary.
func (b binary) bill(version string) (*cdx.BOM, error) {
	product, err := b.product(version)
	if err != nil {
		return nil, err
	}
	components := []cdx.Component{toolchain(b.info.GoVersion)}
	for _, dep := range b.info.Deps {
		component, err := library(dep)
		if err != nil {
			return nil, err
		}
		components = append(components, component)
	}
	var needs []string
	for _, c := range components {
		needs = append(needs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &product}
	bom.Components = &components
	// A binary doesn't tell which of its modules asked for which.
	bom.Dependencies = &[]cdx.Dependency{{Ref: product.BOMRef, Dependencies: &needs}}
	return bom, nil
}

// product is the binary itself.
func (b binary) product(version string) (cdx.Component, error) {
	sum, err := sumOf(b.path)
	if err != nil {
		return cdx.Component{}, err
	}
	qualifiers := packageurl.QualifiersFromMap(map[string]string{"goos": b.platform.OS, "goarch": b.platform.Arch})
	purl := packageurl.NewPackageURL(packageurl.TypeGolang, "", b.info.Main.Path, version, qualifiers, "cmd/"+b.program).ToString()
	return cdx.Component{
		BOMRef: purl, Type: cdx.ComponentTypeApplication, Name: b.program, Version: version, PackageURL: purl,
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}},
	}, nil
}

// toolchain is Go's standard library, under the name that vulnerability databases have for it.
func toolchain(goVersion string) cdx.Component {
	version := strings.TrimPrefix(goVersion, "go")
	purl := packageurl.NewPackageURL(packageurl.TypeGolang, "", "stdlib", version, nil, "").ToString()
	return cdx.Component{
		BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: "stdlib", Version: version, PackageURL: purl,
		Scope: cdx.ScopeRequired,
	}
}

// library is a module. Its hash is the one of go.sum, written as CycloneDX's own tool for Go writes it.
func library(module *debug.Module) (cdx.Component, error) {
	if module.Replace != nil {
		module = module.Replace
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:"))
	if err != nil || len(sum) == 0 {
		return cdx.Component{}, fmt.Errorf("module %s has the sum %q, not one of go.sum", module.Path, module.Sum)
	}
	namespace, name := "", module.Path
	if slash := strings.LastIndex(module.Path, "/"); slash >= 0 {
		namespace, name = module.Path[:slash], module.Path[slash+1:]
	}
	purl := packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, module.Version, nil, "").ToString()
	return cdx.Component{
		BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: module.Path, Version: module.Version, PackageURL: purl,
		Scope: cdx.ScopeRequired, Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}},
	}, nil
}
