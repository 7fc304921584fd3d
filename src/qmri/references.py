"""The papers and programs that qmri rests on, and their citation in a text."""

from __future__ import annotations

REFERENCES = {
    "snakemake": "Mölder et al. 2021, F1000Research. doi:10.12688/f1000research.29032.2",
    "numpy": "Harris et al. 2020, Nature. doi:10.1038/s41586-020-2649-2",
    "scipy": "Virtanen et al. 2020, Nat Methods. doi:10.1038/s41592-019-0686-2",
    "skimage": "van der Walt et al. 2014, PeerJ. doi:10.7717/peerj.453",
    "bids": "Gorgolewski et al. 2016, Sci Data. doi:10.1038/sdata.2016.44",
    "water": "Hernando et al. 2014, Magn Reson Med. doi:10.1002/mrm.24951",
    "r2star": "Yu et al. 2008, Magn Reson Med. doi:10.1002/mrm.21737",
    "varpro": "Hernando et al. 2008, Magn Reson Med. doi:10.1002/mrm.21522",
    "messages": "Felzenszwalb and Huttenlocher 2006, Int J Comput Vis. doi:10.1007/s11263-006-7899-4",
    "hybrid": "Yu et al. 2011, Magn Reson Med. doi:10.1002/mrm.22840",
    "magnitude": "Triay Bagur et al. 2019, Magn Reson Med. doi:10.1002/mrm.27728",
    "surface": "Hirschmüller 2008, IEEE Trans Pattern Anal Mach Intell. doi:10.1109/TPAMI.2007.1166",
    "genant": "Genant et al. 1993, J Bone Miner Res. doi:10.1002/jbmr.5650080915",
    "ibsi": "Zwanenburg et al. 2020, Radiology. doi:10.1148/radiol.2020191145",
    "tripod": "Collins et al. 2024, BMJ. doi:10.1136/bmj-2023-078378",
    "riley": "Riley et al. 2019, Stat Med. doi:10.1002/sim.7992",
    "riley_auc": "Riley et al. 2021, Stat Med. doi:10.1002/sim.8806",
    "ridge": "le Cessie and van Houwelingen 1992, Appl Stat. doi:10.2307/2347628",
    "evidence": "MacKay 1992, Neural Comput. doi:10.1162/neco.1992.4.3.415",
    "em": "Little and Rubin 2019, Statistical Analysis with Missing Data. doi:10.1002/9781119482260",
    "gaps": "Sisk et al. 2023, Stat Methods Med Res. doi:10.1177/09622802231165001",
    "optimism": "Harrell et al. 1996, Stat Med. "
    "doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4",
    "delong": "DeLong et al. 1988, Biometrics. doi:10.2307/2531595",
    "ici": "Austin and Steyerberg 2019, Stat Med. doi:10.1002/sim.8281",
    "net_benefit": "Vickers and Elkin 2006, Med Decis Making. doi:10.1177/0272989X06295361",
    "instability": "Riley and Collins 2023, Biom J. doi:10.1002/bimj.202200302",
    "added_value": "Vickers et al. 2011, BMC Med Res Methodol. doi:10.1186/1471-2288-11-13",
}


class Citations:
    """Numbers references in the order in which they are cited."""

    def __init__(self) -> None:
        self._keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Return the citation of some references, `` [1, 2]``; unknown ones are left out."""
        known = [key for key in keys if key in REFERENCES]
        self._keys += [key for key in known if key not in self._keys]
        numbers = sorted(self._keys.index(key) + 1 for key in known)
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    def lines(self) -> list[str]:
        """Return the list of references."""
        return [f"[{number}] {REFERENCES[key]}" for number, key in enumerate(self._keys, start=1)]
