/** The Debian package that the power-cut simulation runs on. Installed with CI=true or for the labs, before any suite begins. */
import { installDebianPackages } from '../labs/debian_packages.ts';

if (import.meta.main) await installDebianPackages('power cut', ['strace']);
