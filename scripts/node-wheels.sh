#!/bin/sh
# Put together what a node installs, so that it needs no network: the project's wheel, the packages of a lock file for
# 64-bit Raspberry Pis, a lock file of them all, and checksums. node-wheels.sh [FOLDER [LOCK]], by default dist/node and
# requirements-node.lock; nodes with cameras take requirements-camera.lock, and the networks that read plates.
# PLATFORM names other machines, PYTHONS the versions of Python that nodes have.
set -eu
cd "$(dirname "$0")/.."
out=${1:-dist/node}
lock=${2:-requirements-node.lock}
python=${PYTHON:-.venv/bin/python}
platform=${PLATFORM:-manylinux_2_28_aarch64}
machine=${platform#manylinux_*_*_}
pythons=${PYTHONS:-3.11 3.13} # Raspberry Pi OS 12 (bookworm) and 13 (trixie)

rm -rf "$out.new"
mkdir -p "$out.new"
case $lock in *camera*) ;; *) export MALLSENSE_WITHOUT_NETWORKS=1 ;; esac # read by hatch_build.py
"$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir "$out.new" .
for version in $pythons; do
  "$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary :all: \
    --platform "$platform" --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" \
    --implementation cp --python-version "$version" --dest "$out.new" -r "$lock"
done
cd "$out.new"
wheel=$(echo mallsense-*.whl)
version=${wheel#mallsense-}
{
  cat "$OLDPWD/$lock"
  echo "mallsense==${version%%-*} --hash=sha256:$(sha256sum "$wheel" | cut -d' ' -f1)"
} >requirements.lock
sha256sum -- *.whl requirements.lock >SHA256SUMS
cd "$OLDPWD"
rm -rf "$out"
mv "$out.new" "$out"
echo "$out: $(find "$out" -name '*.whl' | wc -l) packages, $(du -sh "$out" | cut -f1); give it to mallsense node render --wheels"
